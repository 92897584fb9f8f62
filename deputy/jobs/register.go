package jobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"umosix/wire"
	"umosix/wire/control"
)

// maxDepth bounds how far up the tree of processes a caller's job is looked for.
const maxDepth = 64

// Register takes mosrun's process as the first one of a new job, or changes the
// lock and the place of a process that is in a job already.
func (r *Registry) Register(ctx context.Context, who control.Caller, req control.Register) (control.Registered, error) {
	owner, err := r.admitCaller(who, req.Pid)
	if err != nil {
		return control.Registered{}, err
	}
	p, nested, err := r.enter(req, owner)
	if err != nil {
		return control.Registered{}, err
	}
	answer := control.Registered{Job: p.job.id, Node: r.cfg.Self, Nested: nested, Seed: p.job.opts.Seed}
	plan, warning, err := r.plan(ctx, p, &req.Options)
	if err != nil {
		r.forget(p, nested)
		return control.Registered{}, err
	}
	answer.Warning = warning
	if plan != nil {
		d, err := r.deputyOf(ctx, p.job)
		if err != nil {
			r.forget(p, nested)
			return control.Registered{}, control.Refused("starting the deputy: %v", err)
		}
		answer.Deputy = d.pid
	}
	r.mu.Lock()
	p.plan = plan
	if plan == nil && (req.Options.Home || req.Options.Placed()) { // whatever the mosrun around it has asked for
		p.wants = wire.Home
	}
	r.mu.Unlock()
	r.save(p.job)
	r.poke()
	return answer, nil
}

// admitCaller checks that the caller may bring a process into a job here.
func (r *Registry) admitCaller(who control.Caller, pid int) (Owner, error) {
	owner, err := readOwner(pid)
	if err != nil {
		return Owner{}, control.NotFound("%v", err)
	}
	if !who.May(owner.Uid) {
		return Owner{}, control.Forbidden("process %d belongs to uid %d", pid, owner.Uid)
	}
	if r.cfg.Uid != 0 && owner.Uid != r.cfg.Uid {
		return Owner{}, control.Forbidden("this mosd serves only uid %d, process %d has uid %d", r.cfg.Uid, pid, owner.Uid)
	}
	return owner, nil
}

// enter finds or makes the job of a process and sets the lock.
func (r *Registry) enter(req control.Register, owner Owner) (*process, bool, error) {
	now, err := readStat(req.Pid)
	if err != nil {
		return nil, false, control.NotFound("there is no process %d", req.Pid)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUpLocked() // mosrun's own children are none of the job's
	j := r.jobAboveLocked(req.Pid, now)
	nested := j != nil
	if !nested {
		j = r.newJobLocked(newJobID(req.Pid), req.Tag, owner, req.Options)
		if j.opts.Shake > 0 && j.opts.Seed == 0 {
			j.opts.Seed = newSeed()
		}
	}
	p := r.procs[req.Pid]
	if p == nil || p.start != now.start {
		p = r.addLocked(j, req.Pid, now.start)
	}
	p.setLock(&req.Options)
	return p, nested, nil
}

// setLock applies the rules of mosrun: -l and -L say it, -k keeps, and a place
// that was asked for locks.
func (p *process) setLock(opts *control.Options) {
	switch opts.Lock {
	case control.LockOn:
		p.lock = true
	case control.LockOff:
		p.lock = false
	case control.LockDefault:
		if opts.Home || opts.Placed() {
			p.lock = true
		}
	}
}

// jobAboveLocked is the job that a process or its nearest known ancestor is in, unless
// that one has left it. Called with mu held.
func (r *Registry) jobAboveLocked(pid int, now stat) *job {
	for range maxDepth {
		if p := r.procs[pid]; p != nil && p.start == now.start {
			return p.job
		}
		for _, j := range r.jobs {
			if j.hasLeftLocked(pid, now.start) {
				return nil
			}
		}
		pid = now.ppid
		var err error
		if now, err = readStat(pid); err != nil {
			return nil
		}
	}
	return nil
}

// Unregister takes back what Register did for a process whose exec failed.
func (r *Registry) Unregister(_ context.Context, who control.Caller, req control.OfPid) error {
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return err
	}
	r.forget(p, false)
	return nil
}

// forget drops a process that was just registered, unless it was known before.
func (r *Registry) forget(p *process, nested bool) {
	if nested {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(p)
}

// owned finds a process of a job that the caller may act on.
func (r *Registry) owned(who control.Caller, pid int) (*process, error) {
	p := r.find(pid)
	if p == nil {
		if now, err := readStat(pid); err != nil || now.dead() {
			return nil, control.NotFound("there is no process %d", pid)
		}
		return nil, control.NotFound("process %d is not in a job of this node: start it with mosrun", pid)
	}
	if !who.May(p.job.owner.Uid) {
		return nil, control.Forbidden("process %d belongs to uid %d", pid, p.job.owner.Uid)
	}
	return p, nil
}

// find looks a process up, after another scan if it is not known yet.
func (r *Registry) find(pid int) *process {
	if p := r.known(pid); p != nil {
		return p
	}
	r.scan()
	return r.known(pid)
}

func (r *Registry) known(pid int) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catchUpLocked()
	return r.procs[pid]
}

// newJobID makes a name for a job that no other job of the cluster has had.
func newJobID(pid int) string {
	var noise [4]byte
	rand.Read(noise[:])
	return fmt.Sprintf("%d-%s", pid, hex.EncodeToString(noise[:]))
}

func newSeed() uint64 {
	var noise [4]byte // short enough to be typed again
	rand.Read(noise[:])
	seed := uint64(0)
	for _, b := range noise {
		seed = seed<<8 | uint64(b)
	}
	return seed | 1
}

// place of a process by the deputy's last word.
func (r *Registry) where(p *process) wire.NodeID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.said.Where
}
