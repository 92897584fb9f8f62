package image

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"umosix/tracer/abi"
)

// BatchPages is the largest number of pages in a batch.
const BatchPages = 64

// BatchBytes is the largest size of a batch's pages, in bytes.
const BatchBytes = BatchPages * abi.PageSize

// ErrDamaged is wrapped by the errors of everything whose checksum or length
// does not hold.
var ErrDamaged = errors.New("damaged")

// Run is a range of consecutive pages.
type Run struct {
	Addr  abi.Addr
	Pages uint32
}

// End is the first address behind the run.
func (r Run) End() abi.Addr { return r.Addr + abi.Addr(r.Pages)*abi.PageSize }

// Len is the size of the run in bytes.
func (r Run) Len() int { return int(r.Pages) * abi.PageSize }

// sane tells whether the run is aligned, not empty and below 2^62.
func (r Run) sane() bool { return aligned(r.Addr) && r.Pages > 0 && r.Addr <= 1<<62 }

// Batch carries the contents of up to BatchPages pages of anonymous or
// privately written memory (File is -1), or of a file that is mapped (File is an
// index into Image.Files, and Addr of a run is an offset in that file).
type Batch struct {
	File  int
	Runs  []Run
	Codec Codec
	Sum   uint64 // xxh3 of the uncompressed pages
	Data  []byte // the pages, one after another, compressed by Codec
}

// Codec names how the pages of a batch are compressed.
type Codec uint8

// The codecs.
const (
	Raw Codec = iota
	S2
	Zstd
)

func (c Codec) String() string {
	switch c {
	case Raw:
		return "raw"
	case S2:
		return "s2"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// NewBatch makes a batch of pages, which lie one after another in the order of
// runs and number as many as the runs do. Data is pages itself when they do not
// shrink or c is nil, which means raw; otherwise it is fresh.
func NewBatch(file int, runs []Run, pages []byte, c *Compressor) Batch {
	return NewBatchIn(nil, file, runs, pages, c)
}

// NewBatchIn is NewBatch with the memory of room reused for compressed Data.
func NewBatchIn(room []byte, file int, runs []Run, pages []byte, c *Compressor) Batch {
	b := Batch{File: file, Runs: runs, Sum: xxh3.Hash(pages)}
	b.Codec, b.Data = c.Compress(room, pages)
	return b
}

// PageCount is the number of pages in the batch.
func (b *Batch) PageCount() int {
	n := 0
	for _, r := range b.Runs {
		n += int(r.Pages)
	}
	return n
}

// validateHeader checks everything but Data.
func (b *Batch) validateHeader() error {
	if b.File < -1 || b.File >= MaxFiles || b.Codec > Zstd {
		return check(false, "batch of file %d in %s", b.File, b.Codec)
	}
	pages := 0
	for _, r := range b.Runs {
		if !r.sane() || r.Pages > BatchPages {
			return check(false, "run of %d pages at %#x", r.Pages, r.Addr)
		}
		if b.File < 0 && r.End() > abi.TaskSize {
			return check(false, "run of %d pages at %#x", r.Pages, r.Addr)
		}
		pages += int(r.Pages)
	}
	return check(pages > 0 && pages <= BatchPages, "batch of %d pages", pages)
}

// Pages returns the pages, one after another. It uses dst if that has room
// (BatchBytes always suffice); it is Data itself if that is not compressed. An
// error wraps ErrDamaged or ErrInvalid. No more than BatchBytes are ever allocated.
func (b *Batch) Pages(dst []byte) ([]byte, error) {
	if err := b.validateHeader(); err != nil {
		return nil, err
	}
	want := b.PageCount() * abi.PageSize
	pages, err := b.unpack(dst, want)
	if err != nil {
		return nil, fmt.Errorf("batch at %#x: %w: %v", b.Runs[0].Addr, ErrDamaged, err)
	}
	if len(pages) != want {
		return nil, fmt.Errorf("batch at %#x: %w: %d bytes, not %d", b.Runs[0].Addr, ErrDamaged, len(pages), want)
	}
	if xxh3.Hash(pages) != b.Sum {
		return nil, fmt.Errorf("batch at %#x: %w: its checksum differs", b.Runs[0].Addr, ErrDamaged)
	}
	return pages, nil
}

func (b *Batch) unpack(dst []byte, want int) ([]byte, error) {
	switch b.Codec {
	case S2:
		n, err := s2.DecodedLen(b.Data)
		if err != nil || n != want {
			return nil, fmt.Errorf("it says that it unpacks to %d bytes (%v)", n, err)
		}
		return s2.Decode(room(dst, want)[:want], b.Data)
	case Zstd:
		return unzstd.DecodeAll(b.Data, room(dst, want)[:0])
	}
	return b.Data, nil
}

func room(dst []byte, n int) []byte {
	if cap(dst) >= n {
		return dst
	}
	return make([]byte, 0, n)
}

// unzstd decodes blocks only, so it starts no goroutine, and never more than a batch.
var unzstd = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(BatchBytes),
	zstd.WithDecodeAllCapLimit(true)))

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("image: %v", err))
	}
	return v
}

// Trailer ends an image: what must have arrived before it may be used.
type Trailer struct {
	Batches, Pages uint64
	Sum            uint64 // xxh3 over the Sums of all batches, in order
}
