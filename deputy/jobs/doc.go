// Package jobs is the home side of mosd: it knows the jobs that were started
// here and their processes, starts the deputy of a job when something of it is
// to go away, and has processes moved.
//
// A job is native until then: it is learnt from the children lists of /proc, and
// the ends of its processes from pidfds. Where a process is away, its deputy
// says what has become of it (control.State).
//
// One mutex, Registry.mu, guards everything that is known about jobs, processes
// and deputies; nothing is awaited and no file is written while it is held,
// except the small files of package state.go.
package jobs
