package image

import "umosix/tracer/abi"

// BatchPages is the largest number of pages in a batch.
const BatchPages = 64

// Run is a range of consecutive pages.
type Run struct {
	Addr  abi.Addr
	Pages uint32
}

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

// Trailer ends an image: what must have arrived before it may be used.
type Trailer struct {
	Batches, Pages uint64
	Sum            uint64 // xxh3 over the Sums of all batches, in order
}
