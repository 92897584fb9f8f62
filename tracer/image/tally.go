package image

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Tally counts the batches that went by, on either side, to make or to check a
// Trailer. The zero Tally is ready.
type Tally struct {
	batches, pages uint64
	sums           xxh3.Hasher
}

// Add counts b.
func (t *Tally) Add(b *Batch) {
	t.batches++
	t.pages += uint64(b.PageCount())
	var sum [8]byte
	binary.LittleEndian.PutUint64(sum[:], b.Sum)
	t.sums.Write(sum[:])
}

// Trailer is the trailer for the batches added so far.
func (t *Tally) Trailer() Trailer {
	return Trailer{Batches: t.batches, Pages: t.pages, Sum: t.sums.Sum64()}
}

// Check returns an error that wraps ErrDamaged if want is not the trailer for
// the batches added.
func (t *Tally) Check(want Trailer) error {
	got := t.Trailer()
	if got == want {
		return nil
	}
	if got.Batches != want.Batches || got.Pages != want.Pages {
		return fmt.Errorf("%w: %d pages in %d batches have arrived, %d in %d were sent",
			ErrDamaged, got.Pages, got.Batches, want.Pages, want.Batches)
	}
	return fmt.Errorf("%w: the batches are not those that were sent", ErrDamaged)
}
