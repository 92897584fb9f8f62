package snapshot

import (
	"fmt"

	"umosix/tracer/image"
)

// shot is an image with its pages.
type shot struct {
	*image.Image
	batches []image.Batch
	trailer image.Trailer
}

// shoot takes the image and the pages of a held subject, and passes the image
// through its encoding.
func (s *subject) shoot(c *image.Compressor) shot {
	s.t.Helper()
	var p shot
	s.on(func() (err error) {
		if reason := Movable(s.Subject); reason != "" {
			return fmt.Errorf("not movable: it %s", reason)
		}
		if p.Image, err = Take(s.Subject); err != nil {
			return err
		}
		p.trailer, err = Pages(s.Subject, p.Image, c, func(b *image.Batch) error {
			kept := *b
			kept.Data = append([]byte(nil), b.Data...)
			p.batches = append(p.batches, kept)
			return nil
		})
		return err
	})
	raw, err := image.Encode(p.Image)
	if err != nil {
		s.t.Fatal(err)
	}
	if p.Image, err = image.Decode(raw); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// rebuild turns a parked subject into what the shot shows.
func (s *subject) rebuild(p shot) {
	s.t.Helper()
	s.on(func() error {
		if err := Prepare(s.Subject, p.Image); err != nil {
			return err
		}
		for i := range p.batches {
			if err := Fill(s.Subject, &p.batches[i]); err != nil {
				return err
			}
		}
		return Finish(s.Subject, p.Image, p.trailer)
	})
}
