package image

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Describe prints an image file for people: the process, its tasks, its mappings
// with the pages that travel for each, and what the batches weigh.
func Describe(r io.Reader, w io.Writer) error {
	in, err := NewReader(r)
	if err != nil {
		return err
	}
	pages := map[*Mapping]int{}
	var load weight
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		load.add(b)
		for _, run := range b.Runs {
			pages[in.img.At(run.Addr)] += int(run.Pages)
		}
	}
	in.img.Describe(w)
	in.img.describeMappings(w, pages)
	_, err = fmt.Fprintln(w, load)
	return err
}

// weight is what batches amount to.
type weight struct {
	codecs [Zstd + 1]int
	pages  int
	bytes  int
}

func (l *weight) add(b *Batch) {
	l.codecs[b.Codec]++
	l.pages += b.PageCount()
	l.bytes += len(b.Data)
}

func (l weight) String() string {
	return fmt.Sprintf("%d pages in %d batches (%d raw, %d s2, %d zstd), %d KiB as %d KiB",
		l.pages, l.codecs[Raw]+l.codecs[S2]+l.codecs[Zstd], l.codecs[Raw], l.codecs[S2], l.codecs[Zstd],
		l.pages*abi.PageSize>>10, l.bytes>>10)
}

// Describe prints the process, its signals and its tasks.
func (img *Image) Describe(w io.Writer) {
	p := &img.Process
	fmt.Fprintf(w, "process %d %q, %d tasks, %d mappings of %d files, image version %d\n",
		p.Pid, p.Comm, len(img.Tasks), len(img.Mappings), len(img.Files), img.Version)
	fmt.Fprintf(w, "  heap %#x-%#x  stack %#x  vdso %#x  window %#x\n",
		p.Layout.StartBrk, p.Layout.Brk, p.Layout.StartStack, p.Vdso.Code, p.Window[0])
	for sig, a := range img.Signals.Actions {
		if a != nil {
			fmt.Fprintf(w, "  %s %s\n", unix.SignalName(unix.Signal(sig)), handler(a))
		}
	}
	for i := range img.Tasks {
		img.Tasks[i].describe(w)
	}
}

// handler says what the kernel's struct sigaction does.
func handler(action []byte) string {
	var address uint64
	for i := 7; i >= 0; i-- {
		address = address<<8 | uint64(action[i])
	}
	switch address {
	case 0:
		return "default"
	case 1:
		return "ignored"
	}
	return fmt.Sprintf("handled at %#x", address)
}

func (t *Task) describe(w io.Writer) {
	fmt.Fprintf(w, "  task %d %q  blocked %#x  %d pending  xstate %d bytes", t.Tid, t.Comm, t.SigMask, len(t.Pending), len(t.Xstate))
	if t.Rseq.Addr != 0 {
		fmt.Fprintf(w, "  rseq %#x", t.Rseq.Addr)
	}
	if t.Call.Nr >= 0 {
		fmt.Fprintf(w, "  in call %d", t.Call.Nr)
	}
	fmt.Fprintln(w)
}

func (img *Image) describeMappings(w io.Writer, pages map[*Mapping]int) {
	for i := range img.Mappings {
		m := &img.Mappings[i]
		name := strings.Trim(strconv.Quote(m.Name), `"`)
		if m.File >= 0 {
			name = fmt.Sprintf("%q +%#x", img.Files[m.File].Path, m.Offset)
		}
		fmt.Fprintf(w, "  %012x-%012x %s %7d pages, %6d sent  %s\n",
			uint64(m.Start), uint64(m.End), m.perms(), uint64(m.End-m.Start)/abi.PageSize, pages[m], name)
	}
}

// perms is the protection in the manner of /proc/PID/maps.
func (m *Mapping) perms() string {
	var s strings.Builder
	for _, bit := range []struct {
		set    bool
		letter byte
	}{
		{m.Prot&unix.PROT_READ != 0, 'r'}, {m.Prot&unix.PROT_WRITE != 0, 'w'}, {m.Prot&unix.PROT_EXEC != 0, 'x'},
		{m.Flags&unix.MAP_SHARED != 0, 's'},
	} {
		if bit.set {
			s.WriteByte(bit.letter)
		} else {
			s.WriteByte('-')
		}
	}
	return s.String()
}
