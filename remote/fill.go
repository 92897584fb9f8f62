package remote

import (
	"fmt"
	"sync"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/link"
)

// filler writes the pages of one arriving guest. The first ones it writes at once,
// on whichever thread receives; when there are many, a goroutine of its own writes
// while the next ones are received. No system call is made in the guest meanwhile.
type filler struct {
	subject *snapshot.Subject
	mu      sync.Mutex // guards what follows, but for err
	done    bool
	begun   int // bytes written at once
	queue   chan parcel
	over    sync.WaitGroup
	err     error // the first one; the goroutine's while there is one
}

// parcel is a batch with the memory that its data lie in.
type parcel struct {
	batch   image.Batch
	release func()
}

const (
	// fewBytes are written without another thread.
	fewBytes = 1 << 20
	// queueLength bounds the batches that wait, and with them memory: 4 MiB.
	queueLength = 16
)

// put writes the batch in f, which l has just received, or has it written. A
// failure to write may show later, in finish.
func (w *filler) put(l *link.Link, f *link.Frame) error {
	var b image.Batch
	if err := f.Decode(&b); err != nil {
		return err
	}
	if b.File >= 0 {
		return fmt.Errorf("pages of file %d for guest %d", b.File, f.Pid)
	}
	b.Data = f.Payload
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return nil
	}
	if w.queue == nil && w.begun < fewBytes {
		w.begun += len(b.Data)
		w.write(&b)
		return nil
	}
	if w.queue == nil {
		w.start()
	}
	f, release := l.Take()
	b.Data = f.Payload
	w.queue <- parcel{b, release}
	return nil
}

func (w *filler) start() {
	w.queue = make(chan parcel, queueLength)
	w.over.Go(func() {
		for p := range w.queue {
			w.write(&p.batch)
			p.release()
		}
	})
}

// write writes a batch unless one before has failed.
func (w *filler) write(b *image.Batch) {
	if w.err == nil {
		w.err = snapshot.Fill(w.subject, b)
	}
}

// finish waits until everything is written.
func (w *filler) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.queue != nil {
		close(w.queue)
		w.over.Wait()
		w.queue = nil
	}
	return w.err
}

// fillers are those of all arriving guests. Whoever receives asks for them.
type fillers struct {
	mu sync.Mutex
	of map[guestID]*filler
}

// guestID names one stay of a process.
type guestID struct {
	pid abi.HomePid
	inc wire.Incarnation
}

func newFillers() *fillers { return &fillers{of: map[guestID]*filler{}} }

func (fs *fillers) add(id guestID, s *snapshot.Subject) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.of[id] = &filler{subject: s}
}

// take puts a received frame into its filler, if it is a batch for one.
func (fs *fillers) take(l *link.Link, f *link.Frame) (taken bool, err error) {
	if f.Type != wire.TypeBatch || f.Pid == 0 {
		return false, nil
	}
	fs.mu.Lock()
	w := fs.of[guestID{f.Pid, f.Inc}]
	fs.mu.Unlock()
	if w == nil {
		return false, nil
	}
	return true, w.put(l, f)
}

// end takes a filler out and waits until it has written everything.
func (fs *fillers) end(id guestID) error {
	fs.mu.Lock()
	w := fs.of[id]
	delete(fs.of, id)
	fs.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.finish()
}
