package equivalence

import (
	"fmt"
	"slices"
	"strings"
)

// expectation is what is promised of a program in worlds where it cannot be as it
// is natively. It is an assertion of its own: anything else is a failure.
type expectation struct {
	program string // in any build
	in      func(world) bool
	status  string // how it ends
	output  string // how its standard output begins
	pinned  string // or: why it stays at home
	always  bool   // it must be so; otherwise it may also be as natively
	reason  string
}

func early(w world) bool  { return w.name == "home-early" }
func moving(w world) bool { return !w.home }

// earlyMoving are the worlds of TestEarlyAttach.
func earlyMoving(w world) bool { return !w.home && slices.Contains(w.flags, "--early-attach") }

// expected is all that differs from native runs, and why.
var expected = []expectation{
	// What early attach shows, as the README says.
	{program: "traced", in: early, status: "exit 99", output: `line 10: strstr(buf, "\nTracerPid:\t0\n")`, always: true,
		reason: "the kernel names the tracer of a process that is traced from its start"},
	{program: "ignored", in: early, status: "exit 99", output: "line 30: errno == (11) (errno 4)", always: true,
		reason: "an ignored signal ends a wait of a traced process whose time limit is in its own memory, or the socket's, with EINTR"},
	{program: "ignored", in: earlyMoving, status: "exit 99", output: "line 3",
		reason: "the same, while it is at home"},
	// What is there when processes have threads and clocks of their own away.
	{program: "schedule", in: moving, status: "exit 99", output: "line 21: cpu >= last",
		reason: "the kernel counts CPU time where it is used; the sum of home and away is shown by mosps and --report only"},
	// What is there when /proc and shared memory go along.
	{program: "traced", in: moving, status: "exit 99", output: `line 10: strstr(buf, "\nTracerPid:\t0\n")`,
		reason: "a process that is about to move is traced for a moment before it stands still"},
	{program: "shared", in: moving, pinned: "shares ",
		reason: "nobody is told of who writes to a memfd"},
	{program: "sharedanon", in: moving, pinned: "share",
		reason: "shared memory is made, moved and inherited at home"},
	{program: "signalfds", in: moving, pinned: "about to read from a descriptor",
		reason: "a signalfd for what waits already is made at home"},
	{program: "self", in: moving, pinned: "looks at its own memory",
		reason: "/proc/self/maps, mem and status are read at home"},
}

// expectationOf finds what is expected of a job in a world instead of a native
// run; nil if nothing is.
func expectationOf(j job, w world) *expectation {
	program, _, _ := strings.Cut(j.name, "/")
	for i := range expected {
		if e := &expected[i]; e.program == program && e.in(w) {
			return e
		}
	}
	return nil
}

// unmet is what a run shows that is neither native nor expected.
func (e *expectation) unmet(got outcome, moved trace, different []string) []string {
	if e.pinned != "" {
		if moved.note != "" && !strings.Contains(moved.note, e.pinned) {
			different = append(different, fmt.Sprintf("it was at home, and not because it %s: %s", e.pinned, moved.note))
		}
		return different
	}
	if len(different) == 0 && !e.always {
		return nil
	}
	if got.status != e.status || !strings.HasPrefix(string(got.stdout), e.output) {
		return append(different, fmt.Sprintf("%s, %q is not what is expected either (%s)", got.status, got.stdout, e.reason))
	}
	return nil
}
