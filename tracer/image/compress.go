package image

import (
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

const (
	// slowLink is the speed below which zstd's better ratio pays for its time.
	slowLink = 200 << 20
	// probeEvery is how many batches go by before the other codecs are tried again.
	probeEvery = 64
)

// Compressor chooses how batches are compressed, from the speed of the link and
// from what the batches before yielded. One goroutine uses it at a time; a nil
// Compressor leaves everything raw.
type Compressor struct {
	link    float64 // bytes per second
	packed  Codec   // what is used unless raw is better
	rate    float64 // memory that gets through with packed, bytes per second, as last measured
	batches int
	zstd    *zstd.Encoder
}

// NewCompressor returns a compressor for a link that carries that many bytes
// per second; 0 is a fast link of unknown speed.
func NewCompressor(bytesPerSecond uint64) *Compressor {
	c := &Compressor{link: float64(bytesPerSecond), packed: S2}
	if c.link > 0 && c.link < slowLink {
		c.packed = Zstd
		c.zstd = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(BatchBytes), zstd.WithEncoderCRC(false)))
	}
	return c
}

// Compress returns pages compressed, in dst if that has room. It returns pages
// itself and Raw if they do not shrink by a tenth, or if the link is faster than
// the compression.
func (c *Compressor) Compress(dst, pages []byte) (Codec, []byte) {
	if c == nil || c.skips() {
		return Raw, pages
	}
	begin := time.Now()
	packed := c.pack(dst, pages)
	c.learn(len(pages), len(packed), time.Since(begin))
	if len(packed) > len(pages)-len(pages)/10 {
		return Raw, pages
	}
	return c.packed, packed
}

// skips tells whether the next batch goes raw without a try.
func (c *Compressor) skips() bool {
	c.batches++
	return c.link > 0 && c.rate > 0 && c.rate < c.link && c.batches%probeEvery != 0
}

func (c *Compressor) pack(dst, pages []byte) []byte {
	if c.packed == Zstd {
		return c.zstd.EncodeAll(pages, dst[:0])
	}
	if n := s2.MaxEncodedLen(len(pages)); cap(dst) < n {
		dst = make([]byte, n)
	}
	return s2.Encode(dst[:cap(dst)], pages)
}

// learn notes how fast memory gets through: compressing and sending overlap, so
// the slower of the two counts.
func (c *Compressor) learn(size, packed int, took time.Duration) {
	rate := float64(size) / max(took.Seconds(), 1e-9)
	if sending := c.link * float64(size) / float64(max(packed, 1)); c.link > 0 {
		rate = min(rate, sending)
	}
	if c.rate == 0 {
		c.rate = rate
		return
	}
	c.rate += (rate - c.rate) / 8
}
