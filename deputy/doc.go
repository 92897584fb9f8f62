// Package deputy owns the home half of a job that has something away: it holds the
// bodies of the job's processes, executes the calls that their guests forward,
// relays signals, and moves processes out, onward and home.
//
// One deputy serves one job, as a process of its own. The files follow a process
// through its life: attach.go takes hold of it at home, out.go and home.go move
// it, call.go executes its calls, signal.go relays its signals, end.go ends both
// halves together.
package deputy
