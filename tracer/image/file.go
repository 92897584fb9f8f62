package image

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"
)

// An image in a file:
//
//	magic, version     "umosix image\n" and 3 bytes 0, then 32 bits little-endian
//	record ...         1 byte kind, 32 bits length, that many bytes, 64 bits xxh3 of kind, length and bytes
//
// First comes the image, then batches, last the trailer; nothing follows it. A
// batch's bytes are the length of its header (16 bits), the header, and its Data.
const magic = "umosix image\n\x00\x00\x00"

// The kinds of records. Numbers are only ever added.
const (
	recordImage   = 1
	recordBatch   = 2
	recordTrailer = 3
)

// maxRecord bounds a record: an image of a process with a million mappings.
const maxRecord = 256 << 20

// Writer writes an image into a file.
type Writer struct {
	out   *bufio.Writer
	tally Tally
}

// NewWriter begins with img.
func NewWriter(w io.Writer, img *Image) (*Writer, error) {
	raw, err := Encode(img)
	if err != nil {
		return nil, err
	}
	out := &Writer{out: bufio.NewWriterSize(w, 1<<20)}
	out.out.WriteString(magic)
	out.out.Write(binary.LittleEndian.AppendUint32(nil, Version))
	if err := out.record(recordImage, raw); err != nil {
		return nil, fmt.Errorf("write image: %w", err)
	}
	return out, nil
}

// WriteBatch writes a batch.
func (w *Writer) WriteBatch(b *Batch) error {
	head, err := b.EncodeHeader()
	if err != nil {
		return err
	}
	w.tally.Add(b)
	size := binary.LittleEndian.AppendUint16(nil, uint16(len(head)))
	if err := w.record(recordBatch, size, head, b.Data); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	return nil
}

// Close writes the trailer. It does not close what is below.
func (w *Writer) Close() error {
	raw, err := w.tally.Trailer().Encode()
	if err != nil {
		return err
	}
	if err := w.record(recordTrailer, raw); err != nil {
		return fmt.Errorf("write trailer: %w", err)
	}
	return w.out.Flush()
}

func (w *Writer) record(kind byte, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size > maxRecord {
		return fmt.Errorf("a record of %d bytes, %d at most", size, maxRecord)
	}
	var sum xxh3.Hasher
	both := io.MultiWriter(w.out, &sum)
	both.Write(binary.LittleEndian.AppendUint32([]byte{kind}, uint32(size)))
	for _, p := range parts {
		both.Write(p)
	}
	// A bufio.Writer keeps its first error and returns it from every later call.
	_, err := w.out.Write(binary.LittleEndian.AppendUint64(nil, sum.Sum64()))
	return err
}

// Reader reads an image from a file. Its errors wrap ErrDamaged when the file is
// cut short or was changed.
type Reader struct {
	in    *bufio.Reader
	img   *Image
	tally Tally
	buf   []byte
}

// NewReader reads the beginning of a file, with the image.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{in: bufio.NewReaderSize(r, 1<<20)}
	head := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(in.in, head); err != nil {
		return nil, fmt.Errorf("image file: %w", damaged(err))
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("image file: %w: it does not begin like one", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(head[len(magic):]); v != Version {
		return nil, fmt.Errorf("image file: it has version %d, this program reads version %d", v, Version)
	}
	raw, err := in.record(recordImage)
	if err != nil {
		return nil, fmt.Errorf("image file: %w", err)
	}
	if in.img, err = Decode(raw); err != nil {
		return nil, fmt.Errorf("image file: %w", err)
	}
	return in, nil
}

// Image is the image of the file.
func (r *Reader) Image() *Image { return r.img }

// Next returns the next batch, which is valid until the call after. It returns
// io.EOF when all batches were read and the trailer confirms them.
func (r *Reader) Next() (*Batch, error) {
	kind, raw, err := r.any()
	switch {
	case err != nil:
	case kind == recordTrailer:
		err = r.finish(raw)
	case kind == recordBatch:
		var b Batch
		if err = b.parse(raw); err == nil {
			r.tally.Add(&b)
			return &b, nil
		}
	default:
		err = fmt.Errorf("%w: a record of kind %d", ErrDamaged, kind)
	}
	if err == io.EOF {
		return nil, err
	}
	return nil, fmt.Errorf("image file: %w", err)
}

// Trailer is the trailer for what was read so far.
func (r *Reader) Trailer() Trailer { return r.tally.Trailer() }

// parse reads a batch record.
func (b *Batch) parse(raw []byte) error {
	if len(raw) < 2 || len(raw)-2 < int(binary.LittleEndian.Uint16(raw)) {
		return fmt.Errorf("%w: a batch of %d bytes", ErrDamaged, len(raw))
	}
	head := 2 + int(binary.LittleEndian.Uint16(raw))
	b.Data = raw[head:]
	return b.DecodeHeader(raw[2:head])
}

// finish checks the trailer and that nothing follows it.
func (r *Reader) finish(raw []byte) error {
	t, err := DecodeTrailer(raw)
	if err != nil {
		return err
	}
	if err := r.tally.Check(t); err != nil {
		return err
	}
	if _, err := r.in.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	return io.EOF
}

// record reads a record that must be of one kind.
func (r *Reader) record(want byte) ([]byte, error) {
	kind, raw, err := r.any()
	if err == nil && kind != want {
		err = fmt.Errorf("%w: a record of kind %d instead of %d", ErrDamaged, kind, want)
	}
	return raw, err
}

// any reads a record and checks its sum. Memory grows with what is really there.
func (r *Reader) any() (kind byte, raw []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, nil, damaged(err)
	}
	size := int(binary.LittleEndian.Uint32(head[1:]))
	if size > maxRecord {
		return 0, nil, fmt.Errorf("%w: a record of %d bytes", ErrDamaged, size)
	}
	if r.buf, err = readGrowing(r.in, r.buf[:0], size+8); err != nil {
		return 0, nil, damaged(err)
	}
	raw = r.buf[:size]
	var sum xxh3.Hasher
	sum.Write(head[:])
	sum.Write(raw)
	if sum.Sum64() != binary.LittleEndian.Uint64(r.buf[size:]) {
		return 0, nil, fmt.Errorf("%w: the checksum of a record differs", ErrDamaged)
	}
	return head[0], raw, nil
}

// readGrowing reads n bytes into b, in steps of a megabyte at most.
func readGrowing(r io.Reader, b []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for len(b) < n {
		from := len(b)
		to := min(n, from+step)
		if cap(b) < to {
			b = append(make([]byte, 0, max(to, 2*cap(b))), b...)
		}
		b = b[:to]
		if _, err := io.ReadFull(r, b[from:]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// damaged names the end of a file where there should be more.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short", ErrDamaged)
	}
	return err
}
