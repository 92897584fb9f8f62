package snapshot

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// BenchmarkMove times each stage of the move of a process with 1 GiB of memory
// that does not compress, and says how fast memory goes out and in.
func BenchmarkMove(b *testing.B) {
	const size = 1 << 30
	for range b.N {
		s := seedOf(b, size)
		batches := make([]image.Batch, 0, size/image.BatchBytes+10)
		pool := make([]byte, size+1<<20)
		begin := time.Now()
		lap := func(name string) {
			b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, name+"-ms")
			begin = time.Now()
		}
		var img *image.Image
		s.on(func() (err error) {
			img, err = Take(s.Subject)
			return err
		})
		lap("take")
		var trailer image.Trailer
		s.on(func() (err error) {
			trailer, err = Pages(s.Subject, img, nil, func(*image.Batch) error { return nil })
			return err
		})
		lap("pages")
		s.on(func() (err error) {
			trailer, err = Pages(s.Subject, img, image.NewCompressor(0), func(p *image.Batch) error {
				kept := *p
				kept.Data = pool[:copy(pool, p.Data)]
				pool = pool[len(kept.Data):]
				batches = append(batches, kept)
				return nil
			})
			return err
		})
		lap("pages-and-copy")
		s.park()
		s.on(func() error { return Strip(s.Subject, img, nil) })
		lap("strip")
		s.on(func() error { return Prepare(s.Subject, img) })
		lap("prepare")
		s.on(func() error {
			for i := range batches {
				if err := Fill(s.Subject, &batches[i]); err != nil {
					return err
				}
			}
			return nil
		})
		lap("fill")
		s.on(func() error { return Finish(s.Subject, img, trailer) })
		lap("finish")
	}
}

// seedOf is a held process with size bytes of noise.
func seedOf(t testing.TB, size int) *subject {
	t.Helper()
	s := newSubject(t, func() (abi.LocalPid, error) { return tracer.StartSeed("mosix-test", nil) })
	s.hold()
	noise := make([]byte, 1<<20)
	for i := 0; i < len(noise); i += 8 {
		binary.LittleEndian.PutUint64(noise[i:], rand.Uint64())
	}
	s.on(func() error {
		at, err := s.call("mmap", unix.SYS_MMAP, 0, uint64(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
		for off := 0; off < size && err == nil; off += len(noise) {
			_, err = s.Mem.WriteAt(noise, abi.Addr(at)+abi.Addr(off))
		}
		return err
	})
	return s
}
