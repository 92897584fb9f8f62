package wire

import (
	"fmt"
	"strings"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// shownRegions is how many regions of a call its line in a log shows.
const shownRegions = 8

// Print is the line of a frame in logs and golden files. body is its decoded
// message, or a pointer to it; nil if there is none.
func Print(h Header, body any) string {
	switch m := body.(type) {
	case nil:
		return h.String()
	case *image.Image:
		return h.String() + " " + printImage(m)
	case *image.Batch:
		return h.String() + " " + printBatch(m)
	case *image.Trailer:
		return fmt.Sprintf("%s %d batches, %d pages, sum %016x", h, m.Batches, m.Pages, m.Sum)
	}
	return fmt.Sprintf("%s %v", h, body)
}

// String prints type and numbers, those that are not zero.
func (h Header) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s #%d", h.Type, h.Seq)
	for _, f := range []struct {
		name  string
		value uint64
	}{{"ack", h.Ack}, {"pid", uint64(h.Pid)}, {"tid", uint64(h.Tid)}, {"inc", uint64(h.Inc)}} {
		if f.value != 0 {
			fmt.Fprintf(&b, " %s=%d", f.name, f.value)
		}
	}
	return b.String()
}

func (m Hello) String() string {
	return fmt.Sprintf("protocol %d, job %q of node %s, cage %q, features %q, xcr0 %#x, xsave %d bytes",
		m.Protocol, m.Job, m.Node, m.Cage, m.Features, m.CPU.XCR0, m.CPU.XsaveLen)
}

func (m Reason) String() string { return fmt.Sprintf("%q", m.Text) }

func (m Rebuilt) String() string {
	if m.Failure == "" {
		return "ready"
	}
	return fmt.Sprintf("failed: %q", m.Failure)
}

func (m *Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(", callName(m.Call.Nr))
	for i, arg := range m.Call.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%#x", arg)
	}
	fmt.Fprintf(&b, ") mask %#x%s", m.Mask, m.Flags)
	if m.From > 0 {
		fmt.Fprintf(&b, " from %d", m.From)
	}
	for i := range m.Call.Regions {
		if i == shownRegions {
			fmt.Fprintf(&b, " and %d more", len(m.Call.Regions)-i)
			break
		}
		b.WriteString(printRegion(&m.Call.Regions[i]))
	}
	return b.String()
}

func callName(nr uint64) string {
	if row := abi.Lookup(nr); row != nil {
		return row.Name
	}
	return fmt.Sprintf("call %d", nr)
}

func printRegion(r *abi.Region) string {
	arrow := [...]string{"?", "in", "out", "inout"}[r.Dir&abi.InOut]
	bad := ""
	if r.Avail < r.Len {
		bad = fmt.Sprintf(" (%d accessible)", r.Avail)
	}
	return fmt.Sprintf(" [%s %#x+%d%s]", arrow, uint64(r.Addr), r.Len, bad)
}

// String prints the flags that are set, each after a blank.
func (f CallFlags) String() string { return flagNames(uint8(f), "resume", "woken", "part") }

func (m *Reply) String() string {
	return fmt.Sprintf("= %d, bytes %d%v", m.Ret, m.Outs, m.Flags)
}

// String prints the flags that are set, each after a blank.
func (f ReplyFlags) String() string { return flagNames(uint8(f), "more", "parts", "whole") }

// flagNames gives the names of the bits that are set, the lowest first.
func flagNames(flags uint8, names ...string) (s string) {
	for i, name := range names {
		if bit := uint8(1) << i; flags&bit != 0 {
			s += " " + name
			flags &^= bit
		}
	}
	if flags != 0 {
		s += fmt.Sprintf(" flags %#x", flags)
	}
	return s
}

func (m Relay) String() string {
	return fmt.Sprintf("%s group=%t", printInfo(m.Info), m.Group)
}

func (m Fault) String() string {
	return fmt.Sprintf("%s core=%t gone=%t", printInfo(m.Info), m.Core, m.Gone)
}

// printInfo shows signal number and code, the first and third word of a
// siginfo_t (man 2 sigaction).
func printInfo(info []byte) string {
	if len(info) < 12 {
		return fmt.Sprintf("siginfo of %d bytes", len(info))
	}
	return fmt.Sprintf("signal %d code %d", info[0], int8(info[8]))
}

func (m Exit) String() string {
	return fmt.Sprintf("status %#x group=%t, %s", m.Status, m.Group, m.Usage)
}

func (m MapFile) String() string {
	return fmt.Sprintf("fd %d at %d to %#x+%d prot %#x flags %#x", m.Fd, m.Offset, uint64(m.Addr), m.Length, m.Prot, m.Flags)
}

func (m Mapped) String() string {
	if m.Errno != 0 {
		return fmt.Sprintf("errno %d", m.Errno)
	}
	return fmt.Sprintf("at %#x: %q of %d bytes", uint64(m.At), m.File.Path, m.File.Size)
}

func (m Usage) String() string {
	return fmt.Sprintf("user %d ns, system %d ns, rss %d", m.UserNs, m.SystemNs, m.RSS)
}

func printImage(m *image.Image) string {
	return fmt.Sprintf("version %d of pid %d (%q): %d tasks, %d mappings, %d files",
		m.Version, m.Process.Pid, m.Process.Comm, len(m.Tasks), len(m.Mappings), len(m.Files))
}

func printBatch(m *image.Batch) string {
	at := uint64(0)
	if len(m.Runs) > 0 {
		at = uint64(m.Runs[0].Addr)
	}
	return fmt.Sprintf("file %d: %d pages in %d runs from %#x, %s, sum %016x", m.File, m.PageCount(), len(m.Runs), at, m.Codec, m.Sum)
}

// String prints the number and the file.
func (m File) String() string {
	return fmt.Sprintf("number %d: %q of %d bytes", m.Index, m.File.Path, m.File.Size)
}
