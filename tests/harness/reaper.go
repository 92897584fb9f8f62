package harness

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The test process is a subreaper: whatever a daemon or a job leaves behind becomes
// its child, which is how leftovers are found even if they hide their name,
// environment and session. So it must also reap, but only orphans: the status of a
// process that was started here belongs to whoever waits for it.
var owned = struct {
	sync.RWMutex // held for reading from fork until the pid is in the map
	pids         map[int]bool
	change       sync.Mutex // guards pids among readers
}{pids: map[int]bool{}}

const reapInterval = 20 * time.Millisecond

// startReaper makes this process the subreaper and collects orphans until the
// returned function is called.
func startReaper() (stop func()) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic("become a subreaper: " + err.Error())
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(reapInterval)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				reapOrphans()
			}
		}
	}()
	return func() {
		close(quit)
		<-gone
	}
}

func reapOrphans() {
	owned.Lock()
	defer owned.Unlock()
	for _, p := range children(os.Getpid()) {
		if !owned.pids[p.pid] && p.state == 'Z' {
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(p.pid, &status, syscall.WNOHANG, nil)
		}
	}
}

// startOwned starts cmd so that the reaper leaves its status to cmd.Wait.
func startOwned(cmd *exec.Cmd) error {
	owned.RLock()
	defer owned.RUnlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	owned.change.Lock()
	owned.pids[cmd.Process.Pid] = true
	owned.change.Unlock()
	return nil
}

// disown forgets a pid that has been waited for.
func disown(pid int) {
	owned.Lock()
	delete(owned.pids, pid)
	owned.Unlock()
}
