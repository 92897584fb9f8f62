package snapshot

import (
	"bytes"
	"fmt"
	"sync"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

const (
	chunkPages = 4 * image.BatchPages // what is read at once: 1 MiB
	chunkCount = 4                    // chunks in flight: one is read, one compressed, one emitted, one waits
)

// Pages reads the pages that the program has written and calls emit with batches
// of them, in ascending order; img is what Take returned. Pages of anonymous
// memory that hold only zeros, and pages of files that were never written, are
// left out. A batch and its Data are valid until emit returns. Reading,
// compressing and emitting overlap; memory stays below 16 MiB. emit runs on the
// caller's thread, which may be any; its error ends Pages.
func Pages(s *Subject, img *image.Image, c *image.Compressor, emit func(*image.Batch) error) (image.Trailer, error) {
	var tally image.Tally
	err := s.pump(img, c, func(b *image.Batch) error {
		tally.Add(b)
		return emit(b)
	})
	if err != nil {
		return image.Trailer{}, fmt.Errorf("pages of pid %d: %w", s.Pid, err)
	}
	return tally.Trailer(), nil
}

// chunk is a piece of memory on its way through the pipeline.
type chunk struct {
	runs    []image.Run
	sparse  []bool // of runs: pages of zeros may be left out
	pages   int
	buf     []byte
	packed  [4][]byte // room for compressed batches
	batches []image.Batch
}

// chunks are those of moves before: fresh memory for them would cost a small
// process more than its pages do.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// room returns memory for the pages of the chunk.
func (k *chunk) room() []byte {
	n := k.pages * abi.PageSize
	if cap(k.buf) < n {
		k.buf = make([]byte, n)
	}
	k.buf = k.buf[:n]
	return k.buf
}

// pipeline is a run of reader, compressor and emitter.
type pipeline struct {
	free, full, ready chan *chunk
	stop              chan struct{}
	err               error // of the reader; read after full is closed
}

func (s *Subject) pump(img *image.Image, c *image.Compressor, emit func(*image.Batch) error) error {
	p := &pipeline{free: make(chan *chunk, chunkCount), full: make(chan *chunk, chunkCount),
		ready: make(chan *chunk, chunkCount), stop: make(chan struct{})}
	for range chunkCount {
		k := chunks.Get().(*chunk)
		defer chunks.Put(k)
		p.free <- k
	}
	var both sync.WaitGroup
	both.Go(func() {
		defer close(p.full)
		p.err = s.readAll(img, p)
	})
	both.Go(func() {
		defer close(p.ready)
		for k := range p.full {
			k.pack(c)
			p.ready <- k // has room for all chunks
		}
	})
	var err error
	for k := range p.ready {
		for i := range k.batches {
			if err == nil {
				if err = emit(&k.batches[i]); err != nil {
					close(p.stop)
				}
			}
		}
		p.free <- k
	}
	both.Wait()
	if err == nil {
		err = p.err
	}
	return err
}

var zeroPage [abi.PageSize]byte

// pack leaves out pages of zeros and makes batches of the rest.
func (k *chunk) pack(c *image.Compressor) {
	k.batches = k.batches[:0]
	var runs []image.Run
	from, to := 0, 0 // in buf: the batch that is being gathered
	read := 0
	cut := func() {
		if to > from {
			k.batches = append(k.batches, k.batch(c, runs, k.buf[from:to]))
			runs, from = nil, to
		}
	}
	for i, r := range k.runs {
		for n := range r.Pages {
			page := k.buf[read : read+abi.PageSize]
			read += abi.PageSize
			if k.sparse[i] && bytes.Equal(page, zeroPage[:]) {
				continue
			}
			if to != read-abi.PageSize {
				copy(k.buf[to:to+abi.PageSize], page)
			}
			to += abi.PageSize
			runs = grown(runs, r.Addr+abi.Addr(n)*abi.PageSize)
			if to-from == image.BatchBytes {
				cut()
			}
		}
	}
	cut()
}

// batch makes one batch; what it compresses lies in the chunk.
func (k *chunk) batch(c *image.Compressor, runs []image.Run, pages []byte) image.Batch {
	room := &k.packed[len(k.batches)]
	if need := c.Room(len(pages)); cap(*room) < need {
		*room = make([]byte, 0, need)
	}
	return image.NewBatchIn(*room, -1, runs, pages, c)
}

// grown adds a page to runs.
func grown(runs []image.Run, at abi.Addr) []image.Run {
	if n := len(runs); n > 0 && runs[n-1].End() == at {
		runs[n-1].Pages++
		return runs
	}
	return append(runs, image.Run{Addr: at, Pages: 1})
}
