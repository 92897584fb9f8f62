package jobs

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire/control"
)

// awaitEnd waits for a process to end, by a pidfd (man 2 pidfd_open), which is
// readable once all its threads have ended. Where the kernel gives none the
// scanner finds out.
func (r *Registry) awaitEnd(p *process) {
	fd, err := unix.PidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH):
		r.ended(p)
		return
	case err != nil:
		return
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	defer file.Close()
	if !alive(p.pid, p.start) || r.watchEnd(p, file) && readable(file) {
		r.ended(p)
	}
}

// watchEnd lets wakeWaiter know the pidfd, unless there is nothing to wait for.
func (r *Registry) watchEnd(p *process, file *os.File) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.job.procs[p.pid] != p || r.life.Err() != nil {
		return false
	}
	p.pidfd = file
	return true
}

// wakeWaiter ends the wait of awaitEnd. Called with mu held.
func (p *process) wakeWaiter() {
	if p.pidfd != nil {
		p.pidfd.SetReadDeadline(time.Unix(1, 0))
	}
}

// readable waits until a pidfd is; false: the wait was ended.
func readable(file *os.File) bool {
	raw, err := file.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(poll, 0)
		return n > 0
	})
	return err == nil
}

// ended takes the last sample of a process, if it is still there to be waited
// for, and forgets it when all that its deputy has said of it is heard.
func (r *Registry) ended(p *process) {
	now, err := readStat(p.pid)
	if !r.noteEnding(p) {
		return
	}
	r.hear(p.job)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && now.start == p.start {
		p.cpu = now.cpu
	}
	r.removeLocked(p)
}

// noteEnding tells whether this is the first that is heard of a process's end.
func (r *Registry) noteEnding(p *process) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := p.ending
	p.ending = true
	return !known
}

// hearLimit bounds the wait for the last words of a deputy.
const hearLimit = 2 * time.Second

// hear waits until all is heard that the job's deputy has said so far: the end of a process
// may be known here before its last move.
func (r *Registry) hear(j *job) {
	r.mu.Lock()
	d := j.deputy
	r.mu.Unlock()
	if d == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.life, hearLimit)
	defer cancel()
	_, err := d.ask(ctx, func(id uint64) control.ToDeputy { return control.ToDeputy{Sync: &control.Sync{ID: id}} }, nil)
	if err != nil {
		r.log.Debug().Str(fieldJob, j.id).Err(err).Msg("last words not heard")
	}
}
