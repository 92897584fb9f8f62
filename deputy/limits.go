package deputy

import "golang.org/x/sys/unix"

// What we do in a process is not the program's doing: it is not to fail by the program's
// limits. Nor is memory that comes home, which it had before it set them.

// lift lifts limits of the process, as far as this user may: restore puts them back.
func (b *body) lift(resources ...int) (restore func()) {
	lifted := map[int]unix.Rlimit{}
	for _, resource := range resources {
		var own unix.Rlimit
		if unix.Prlimit(int(b.pid), resource, nil, &own) != nil || own.Cur == unix.RLIM_INFINITY {
			continue
		}
		most := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
		if unix.Prlimit(int(b.pid), resource, &most, nil) != nil {
			most = unix.Rlimit{Cur: own.Max, Max: own.Max} // what anybody may do
			unix.Prlimit(int(b.pid), resource, &most, nil)
		}
		lifted[resource] = own
	}
	return func() {
		for resource, own := range lifted {
			unix.Prlimit(int(b.pid), resource, &own, nil)
		}
	}
}

// liftMemory lifts what limits memory.
func (b *body) liftMemory() (restore func()) {
	return b.lift(unix.RLIMIT_AS, unix.RLIMIT_DATA, unix.RLIMIT_STACK, unix.RLIMIT_MEMLOCK)
}
