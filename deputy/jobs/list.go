package jobs

import (
	"cmp"
	"context"
	"slices"

	"umosix/wire"
	"umosix/wire/control"
)

// List is mosps: the processes of the caller's jobs, or of everybody's.
func (r *Registry) List(_ context.Context, who control.Caller, all bool) ([]control.Process, error) {
	r.scan()
	r.mu.Lock()
	list := make([]control.Process, 0, len(r.procs))
	for _, p := range r.procs {
		if all || p.job.owner.Uid == who.Uid {
			list = append(list, r.lineLocked(p))
		}
	}
	r.mu.Unlock()
	for i := range list {
		fill(&list[i])
	}
	slices.SortFunc(list, func(a, b control.Process) int { return cmp.Compare(a.Pid, b.Pid) })
	return list, nil
}

// lineLocked is what is known of a process without /proc. Called with mu held.
func (r *Registry) lineLocked(p *process) control.Process {
	all := p.counted()
	line := control.Process{
		Pid: p.pid, Job: p.job.label(), Home: r.cfg.Self, Where: p.said.Where, Moves: all.moves,
		Lock: p.lock, Pinned: orNull(p.said.Pinned), Uid: p.job.owner.Uid,
		CPU: all.cpuAway.Seconds(), RSS: p.said.RSS,
	}
	switch {
	case p.said.Stopped:
		line.State = "T"
	case p.said.Where != wire.Home:
		line.State = "R"
	}
	return line
}

// fill adds what /proc knows. While a process is away its body is parked: its state and
// memory there are not the program's, but that it is stopped. A traced one shows that as t.
func fill(line *control.Process) {
	line.Command = command(line.Pid)
	now, err := readStat(line.Pid)
	if err != nil {
		return
	}
	line.PPid, line.Threads = now.ppid, now.threads
	line.CPU += now.cpu.Seconds()
	if line.Where == wire.Home {
		line.RSS = now.rss
	}
	switch {
	case now.state == 't':
		line.State = "T"
	case line.State == "":
		line.State = string(now.state)
	}
}

// orNull is nil for no reason.
func orNull(reason string) *string {
	if reason == "" {
		return nil
	}
	return &reason
}

// Why tells where a process is and what keeps it there.
func (r *Registry) Why(_ context.Context, who control.Caller, pid int) (control.Reason, error) {
	p, err := r.owned(who, pid)
	if err != nil {
		return control.Reason{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reason := control.Reason{Pid: pid, Where: p.said.Where, Lock: p.lock, Pinned: orNull(p.said.Pinned)}
	switch {
	case p.said.Pinned != "":
		reason.Text = "it must stay at home: " + p.said.Pinned
	case p.job.opts.Pinned != "":
		reason.Text = "it must stay at home: " + p.job.opts.Pinned
	case p.lock:
		reason.Text = "it is locked where it is; migrate still moves it"
	default:
		reason.Text = "nothing keeps it where it is"
	}
	return reason, nil
}

// SetLock locks a process where it is or unlocks it.
func (r *Registry) SetLock(_ context.Context, who control.Caller, req control.SetLock) error {
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return err
	}
	r.mu.Lock()
	p.lock = req.On
	r.mu.Unlock()
	r.save(p.job)
	return nil
}

// Hold brings a process home and freezes it there, or lets it go on.
func (r *Registry) Hold(ctx context.Context, who control.Caller, req control.Hold) error {
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return err
	}
	d, err := r.deputyOf(ctx, p.job)
	if err != nil {
		return control.Refused("process %d: %v", p.pid, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.MoveTimeout)
	defer cancel()
	done, err := d.ask(ctx, func(id uint64) control.ToDeputy {
		return control.ToDeputy{Freeze: &control.Freeze{ID: id, Pid: p.pid, On: req.On}}
	}, nil)
	if err == nil && done.Failure != "" {
		err = control.Refused("process %d: %s", p.pid, done.Failure)
	}
	return err
}
