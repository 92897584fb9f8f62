package abi

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Format prints the table, one line for each call: number, placement, the ends of
// an interruption, name with the shapes of its arguments, and behind a # the note.
// Numbers of the kernel's gap (337 to 423) are one line.
func Format(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, "NR\tWHERE\tINTERRUPTED\tCALL")
	next := uint64(0)
	for _, r := range Rows() {
		if r.Nr > next {
			fmt.Fprintf(tab, "%d-%d\t%s\t\tunassigned\n", next, r.Nr-1, ComeHome)
		}
		next = r.Nr + 1
		fmt.Fprintf(tab, "%d\t%s\t%s\t%s\n", r.Nr, r.where(), r.ends(), r.line())
	}
	return tab.Flush()
}

// line is the call with its note.
func (r *Row) line() string {
	if r.Note == "" {
		return r.Signature()
	}
	return r.Signature() + "  # " + r.Note
}

// where is the placement, with a mark if it depends on the arguments.
func (r *Row) where() string {
	if r.place != nil {
		return r.Placement.String() + "*"
	}
	return r.Placement.String()
}

// ends is what is said of interruptions of a call that can be interrupted.
func (r *Row) ends() string {
	if r.Interrupt == Never {
		return ""
	}
	return r.Interrupt.String()
}

// Signature is the name of the call and the shapes of its arguments.
func (r *Row) Signature() string {
	var shapes []string
	for _, a := range r.Args {
		if a.Kind != None {
			shapes = append(shapes, a.String())
		}
	}
	return r.Name + "(" + strings.Join(shapes, ", ") + ")"
}
