package image

import (
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

const (
	// slowLink is the speed below which zstd's better ratio may pay for its time.
	slowLink = 200 << 20
	// probeEvery is how many batches go by before another codec is tried again.
	probeEvery = 64
	// longestSkip is how many batches go raw without a try, at most, behind some
	// that did not shrink, while the link's speed is not known.
	longestSkip = 32
)

// Compressor chooses how batches are compressed, from the speed of the link and
// from what the batches before yielded. One goroutine uses it at a time (another
// may call Sent); a nil Compressor leaves everything raw.
type Compressor struct {
	link    atomic.Uint64 // bytes per second; 0 is not known
	yields  [Zstd + 1]yield
	batches int
	skip    int // batches that go raw without a try; doubles with each that does not shrink
	skipped int
	zstd    *zstd.Encoder

	sent struct { // of Sent
		bytes int
		took  time.Duration
	}
}

// yield is what a codec has made of the batches so far.
type yield struct {
	speed float64 // bytes in per second
	ratio float64 // bytes in per byte out
}

// NewCompressor returns a compressor for a link that carries that many bytes
// per second; 0 is a fast link of unknown speed.
func NewCompressor(bytesPerSecond uint64) *Compressor {
	c := new(Compressor)
	c.link.Store(bytesPerSecond)
	return c
}

// Link is the speed of the link as it is known, in bytes per second; 0 if it is not.
func (c *Compressor) Link() uint64 { return c.link.Load() }

// believable is how many bytes Sent gathers before it believes them. What the buffers
// of a connection take at once says nothing.
const believable = 4 << 20

// Sent notes that handing n bytes to the link took that long. A link that takes
// them as fast as they are made is a fast one, whatever it could carry.
func (c *Compressor) Sent(n int, took time.Duration) {
	if c == nil {
		return
	}
	c.sent.bytes += n
	c.sent.took += took
	if c.sent.bytes < believable {
		return
	}
	speed := float64(c.sent.bytes) / max(c.sent.took.Seconds(), 1e-6)
	if before := float64(c.link.Load()); before > 0 {
		speed = before + (speed-before)/4
	}
	c.link.Store(max(uint64(speed), 1))
	c.sent.bytes, c.sent.took = 0, 0
}

// Room is the size of dst with which Compress of n bytes allocates nothing.
func (c *Compressor) Room(n int) int {
	if c == nil {
		return 0
	}
	return s2.MaxEncodedLen(n)
}

// Compress returns pages compressed, in dst if that has room. It returns pages
// itself and Raw if they do not shrink by a tenth, or if the link is faster than
// the compression.
func (c *Compressor) Compress(dst, pages []byte) (Codec, []byte) {
	if c == nil {
		return Raw, pages
	}
	codec := c.choose()
	if codec == Raw {
		return Raw, pages
	}
	begin := time.Now()
	packed := c.pack(codec, dst, pages)
	c.yields[codec].learn(len(pages), len(packed), time.Since(begin))
	if len(packed) > len(pages)-len(pages)/10 {
		c.skip = min(2*c.skip+1, longestSkip)
		return Raw, pages
	}
	c.skip = 0
	return codec, packed
}

// choose is the codec that gets most memory through; others get a try in turn.
func (c *Compressor) choose() Codec {
	c.batches++
	link := float64(c.link.Load())
	if link == 0 {
		return c.blindly()
	}
	best, most := Raw, link
	for _, codec := range [...]Codec{Zstd, S2} {
		y := &c.yields[codec]
		if codec == Zstd && link >= slowLink {
			continue
		}
		if y.speed == 0 || (c.batches+int(codec)*probeEvery/2)%probeEvery == 0 {
			return codec
		}
		// Compressing and sending overlap: the slower of the two counts.
		if through := min(y.speed, link*y.ratio); through > most {
			best, most = codec, through
		}
	}
	return best
}

// blindly chooses without knowing the link.
func (c *Compressor) blindly() Codec {
	if c.skipped < c.skip {
		c.skipped++
		return Raw
	}
	c.skipped = 0
	return S2
}

func (c *Compressor) pack(codec Codec, dst, pages []byte) []byte {
	if codec == Zstd {
		if c.zstd == nil {
			c.zstd = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
				zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(BatchBytes), zstd.WithEncoderCRC(false)))
		}
		return c.zstd.EncodeAll(pages, dst[:0])
	}
	if n := s2.MaxEncodedLen(len(pages)); cap(dst) < n {
		dst = make([]byte, n)
	}
	return s2.Encode(dst[:cap(dst)], pages)
}

// learn notes one batch; later ones count more.
func (y *yield) learn(size, packed int, took time.Duration) {
	speed := float64(size) / max(took.Seconds(), 1e-9)
	ratio := float64(size) / float64(max(packed, 1))
	if y.speed == 0 {
		y.speed, y.ratio = speed, ratio
		return
	}
	y.speed += (speed - y.speed) / 8
	y.ratio += (ratio - y.ratio) / 8
}
