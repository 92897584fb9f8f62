package deputy

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// goHome brings the guest back into its body.
func (b *body) goHome(done *control.Done) error {
	p := b.peerNow()
	if p == nil {
		return b.notAway()
	}
	<-b.readiness()
	b.decide()
	defer b.decided()
	x := b.open(p)
	defer x.close()
	begin, received := time.Now(), p.link.Received()
	img, err := b.freeze(x)
	if err != nil {
		return b.thaw(p, err)
	}
	if err := b.rebuild(x, img); err != nil {
		return b.thaw(p, err)
	}
	b.landLooking()
	done.Bytes = p.link.Received() - received
	err = b.on(func() error {
		b.freezing = false
		free, stay, err := b.settleHome(img)
		done.Freeze = time.Since(begin)
		b.count(done)
		b.report() // before it can end
		return errors.Join(err, release(free, stay))
	})
	b.d.forget(b)
	return err
}

// rebuild makes the body the process of the image that comes over an exchange.
func (b *body) rebuild(x *exchange, img *image.Image) error {
	defer b.liftMemory()()
	s, shows, err := b.beginRebuild(img)
	if err == nil {
		err = b.receivePages(x, s, img)
	}
	if err == nil {
		err = b.commitHome()
	}
	if err != nil {
		b.on(func() error { shows.putBack(b.mem); return nil })
	}
	return err
}

// errReplaced says that the process has started another program, which is at home.
var errReplaced = errors.New("it has just started another program")

// notAway says why a process that was away a moment ago is so no more.
func (b *body) notAway() error {
	if b.now() == ended {
		return errEnded
	}
	return errReplaced
}

// freeze has the executor stop the guest and returns the head of its image.
func (b *body) freeze(x *exchange) (*image.Image, error) {
	p := x.peer
	err := b.on(func() error {
		if b.peerNow() != p {
			return errReplaced
		}
		b.freezing = true // from here on signals wait for the outcome
		return x.send(b.header(wire.TypeFreeze), nil)
	})
	if err != nil {
		return nil, err
	}
	f, err := x.receive()
	if err != nil {
		return nil, err
	}
	img := new(image.Image)
	if f.Type != wire.TypeImage {
		return nil, fmt.Errorf("node %v answers %v instead of an image", p.node, f.Type)
	}
	if err := f.Decode(img); err != nil {
		return nil, err
	}
	if err := img.Validate(); err != nil || img.Process.Pid != b.pid {
		return nil, fmt.Errorf("node %v sends an image that is not process %d: %w", p.node, b.pid, err)
	}
	return img, nil
}

// thaw lets the guest go on where it is.
func (b *body) thaw(p *peer, cause error) error {
	b.on(func() error {
		b.unfreeze() // the guest has its signals before it goes on
		p.link.Send(b.header(wire.TypeThaw), nil)
		return b.goOn()
	})
	return p.explain(cause)
}

// beginRebuild stops the body and makes the image's address space in it. The body
// stays stopped: it may be in a call, which goes on afterwards.
func (b *body) beginRebuild(img *image.Image) (s *snapshot.Subject, shows shown, err error) {
	err = b.near(func() error {
		b.prune(img)
		if err := b.hold(); err != nil {
			return err
		}
		shows = b.shown(&img.Process.Layout)
		if err := b.sortTasks(img); err != nil {
			return err
		}
		s = b.subject()
		img.Limits = nil // home's own count
		for i := range img.Tasks {
			img.Tasks[i].Comm = "" // and so does its own name: it was told of every change
		}
		return snapshot.Prepare(s, img)
	})
	return s, shows, err
}

// shown is what a body that others look at has in its memory: its arguments and environment
// (man 1 ps). A rebuild takes that away first.
type shown []struct {
	at   abi.Addr
	text []byte
}

// shownMax is how many bytes a program can begin with (fs/exec.c, bprm_stack_limits).
const shownMax = 6 << 20

func (b *body) shown(l *image.Layout) (all shown) {
	for _, r := range [][2]abi.Addr{{l.ArgStart, l.ArgEnd}, {l.EnvStart, l.EnvEnd}} {
		text := make([]byte, min(r[1]-r[0], shownMax))
		if _, err := b.mem.ReadAt(text, r[0]); err == nil {
			all = append(all, struct {
				at   abi.Addr
				text []byte
			}{r[0], text})
		}
	}
	return all
}

// putBack is for a rebuild that has failed. What is not mapped any more is lost.
func (all shown) putBack(m *tracer.Memory) {
	for _, s := range all {
		m.ForceWrite(s.text, s.at)
	}
}

// sortTasks puts the tasks of the body into the order of those of an image, which
// must be the same.
func (b *body) sortTasks(img *image.Image) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := map[abi.HomePid]*task{}
	for _, t := range b.tasks {
		of[t.tid] = t
	}
	var sorted []*task
	for i := range img.Tasks {
		if t := of[img.Tasks[i].Tid]; t != nil {
			sorted = append(sorted, t)
		}
	}
	if len(sorted) != len(img.Tasks) || len(sorted) != len(b.tasks) || sorted[0].tid != b.pid {
		return fmt.Errorf("the image of process %d has %d tasks, the body %d", b.pid, len(img.Tasks), len(b.tasks))
	}
	b.tasks = sorted
	return nil
}

// receivePages writes the guest's memory into the body and makes it the process.
func (b *body) receivePages(x *exchange, s *snapshot.Subject, img *image.Image) error {
	for {
		f, err := x.receive()
		if err != nil {
			return err
		}
		switch f.Type {
		case wire.TypeBatch:
			var batch image.Batch
			if err := f.Decode(&batch); err != nil {
				return err
			}
			batch.Data = f.Payload
			if err := snapshot.Fill(s, &batch); err != nil {
				return err
			}
			x.done()
		case wire.TypeTrailer:
			var t image.Trailer
			if err := f.Decode(&t); err != nil {
				return err
			}
			return b.near(func() error { return snapshot.Finish(s, img, t) })
		default:
			return fmt.Errorf("node %v sends %v in mid-image", x.peer.node, f.Type)
		}
	}
}

// commitHome is the point of no return: the process is at home, the guest is of
// no use any more.
func (b *body) commitHome() error {
	drop, err := b.part(parked)
	if err != nil {
		return err
	}
	drop()
	return nil
}

// settleHome finishes the call that the guest was waiting for, if any. The body is stopped,
// and ready to be released. On the tracer's thread.
func (b *body) settleHome(img *image.Image) (free, stay []*task, err error) {
	b.keepContinuation()
	late := b.kept // arrived here after the guest was stopped
	b.kept = nil
	for _, raw := range img.Signals.Pending {
		b.kept = append(b.kept, siginfo(raw))
	}
	b.kept = withTimers(b.kept, late...)
	b.used = img.Process.Away
	for i, t := range b.tasks {
		t.used = img.Tasks[i].Away
		late := t.kept
		t.kept = nil
		for _, raw := range img.Tasks[i].Pending {
			t.kept = append(t.kept, siginfo(raw))
		}
		t.kept = withTimers(t.kept, late...)
		if pending := img.Tasks[i].Call; pending.Nr < 0 {
			t.wait = nil
			t.setCall(nil)
		} else if pending.Nr == unix.SYS_FUTEX {
			t.wait = &pending
			t.setCall(nil)
		}
	}
	return b.prepareLanding()
}

// unfreeze relays the signals that waited for the outcome of a move.
func (b *body) unfreeze() {
	b.relayKept()
	b.freezing = false
	b.dropKept()
}

// dropKept forgets the signals that were kept: they are where the process is.
func (b *body) dropKept() {
	b.kept = nil
	for _, t := range b.tasks {
		t.kept = nil
	}
}

// relayKept relays the signals that were kept; they stay until it is known where
// the process is.
func (b *body) relayKept() {
	b.keepContinuation()
	halted := b.haltContinued()
	for _, t := range b.tasks {
		for _, info := range continuesLast(t.kept) {
			t.relayInTurn(&info, true)
		}
	}
	for _, info := range continuesLast(b.kept) {
		b.leader().relayInTurn(&info, false)
	}
	if k := b.leader().k; k != nil && k.Stopped() { // else it has ended meanwhile
		b.leader().relayStop()
	}
	for _, t := range halted {
		if err := t.passOver(); err != nil && !errors.Is(err, tracer.ErrGone) {
			b.d.log.Error().Int("pid", int(b.pid)).Int("tid", int(t.tid)).Err(err).Msg("task not let go on")
		}
	}
}

func siginfo(raw []byte) (info tracer.Siginfo) {
	copy(info[:], raw)
	return info
}
