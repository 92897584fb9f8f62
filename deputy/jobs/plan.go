package jobs

import (
	"context"
	"math/rand/v2"

	"umosix/wire"
	"umosix/wire/control"
)

// plan says what the deputy does with a process that is about to exec.
type plan struct {
	to        wire.NodeID
	early     bool
	admission Admission
}

// plan decides whether mosrun's process has to be seized before its exec, and
// asks the node that it shall start on. Where that node is not to be had it
// fails, or with -F it warns and lets the program start at home.
func (r *Registry) plan(ctx context.Context, p *process, opts *control.Options) (*plan, string, error) {
	attach := r.attach(p.job)
	early := opts.Early || attach == AttachEarly && !opts.Home
	if opts.Pinned != "" && opts.Placed() {
		return nil, "the program starts at home: " + opts.Pinned, nil
	}
	if attach == AttachNone && (early || opts.Placed()) {
		return nil, "the program stays at home: tracing is forbidden on this machine (see mosctl doctor)", nil
	}
	if opts.Pinned != "" || !early && !opts.Placed() {
		return nil, "", nil
	}
	made := &plan{early: early}
	if !opts.Placed() {
		return made, "", nil
	}
	to, admission, err := r.choose(ctx, p, opts)
	switch {
	case err == nil && to == wire.Home && !early:
		return nil, "", nil
	case err == nil:
		made.to, made.admission = to, admission
		return made, "", nil
	case !opts.Anyway:
		return nil, "", err
	case early:
		return made, "the program starts at home: " + err.Error(), nil
	}
	return nil, "the program starts at home: " + err.Error(), nil
}

// attach is when the job's deputy may trace. Root's deputies have the capability
// that lifts Yama's rules.
func (r *Registry) attach(j *job) AttachMode {
	if j.owner.Uid == 0 {
		return AttachLate
	}
	return r.cfg.Attach
}

// choose finds a node among those that were asked for which takes the job.
func (r *Registry) choose(ctx context.Context, p *process, opts *control.Options) (wire.NodeID, Admission, error) {
	nodes, err := r.wanted(opts)
	if err != nil {
		return 0, Admission{}, err
	}
	for _, to := range nodes {
		if to == r.cfg.Self {
			return wire.Home, Admission{}, nil
		}
		var admission Admission
		if admission, err = r.admit(ctx, p, to); err == nil {
			return to, admission, nil
		}
	}
	return 0, Admission{}, err
}

// wanted lists the nodes of -N, -r or -j, the latter in random order and only
// those that are up.
func (r *Registry) wanted(opts *control.Options) ([]wire.NodeID, error) {
	switch {
	case opts.Node != wire.Home:
		return []wire.NodeID{opts.Node}, nil
	case opts.Host != "":
		node, err := r.cfg.Cluster.Resolve(opts.Host)
		if err != nil {
			return nil, control.NotFound("%v", err)
		}
		return []wire.NodeID{node}, nil
	}
	var nodes []wire.NodeID
	for _, node := range append(r.cfg.Cluster.Reachable(), r.cfg.Self) {
		if within(opts.Among, node) {
			nodes = append(nodes, node)
		}
	}
	if len(nodes) == 0 {
		return nil, control.Refused("none of the nodes of -j is up")
	}
	rand.Shuffle(len(nodes), func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
	return nodes, nil
}

func within(spans []control.Span, node wire.NodeID) bool {
	for _, span := range spans {
		if span.From <= node && node <= span.To {
			return true
		}
	}
	return false
}

// admit asks a node to take the job in, under the rules of this node's
// configuration.
func (r *Registry) admit(ctx context.Context, p *process, to wire.NodeID) (Admission, error) {
	j := p.job
	if r.isDraining() {
		return Admission{}, control.Refused("this node's daemon is being shut down")
	}
	if err := r.cfg.Cluster.MayGo(j.owner.Uid, to); err != nil {
		return Admission{}, control.Refused("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	return r.cfg.Cluster.Admit(ctx, to, control.Admit{
		Job:    j.id,
		Home:   r.cfg.Self,
		Uid:    j.owner.Uid,
		Grace:  int64(r.grace(j).Seconds()),
		Memory: r.memoryOf(p),
	})
}

// memoryOf is how many bytes of memory would go with a process.
func (r *Registry) memoryOf(p *process) uint64 {
	r.mu.Lock()
	said := p.said
	r.mu.Unlock()
	if said.Where != wire.Home {
		return said.RSS
	}
	return anonymous(p.pid)
}

// Attach has the deputy seize a process that is about to exec; mosrun has
// allowed it by then.
func (r *Registry) Attach(ctx context.Context, who control.Caller, req control.OfPid) error {
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return err
	}
	r.mu.Lock()
	plan := p.plan
	p.plan = nil
	r.mu.Unlock()
	if plan == nil {
		return control.Refused("nothing was planned for process %d", req.Pid)
	}
	d, err := r.deputyOf(ctx, p.job)
	if err != nil {
		return control.Refused("process %d: %v", req.Pid, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachTimeout)
	defer cancel()
	done, err := d.ask(ctx, func(id uint64) control.ToDeputy {
		return control.ToDeputy{Attach: &control.Attach{
			ID: id, Pid: p.pid, Early: plan.early,
			To: plan.to, Address: plan.admission.Address, Ticket: plan.admission.Ticket,
		}}
	}, nil)
	if err == nil && done.Failure != "" {
		err = control.Refused("%s", done.Failure)
	}
	if err == nil && plan.to != wire.Home && p.job.opts.Shake == 0 && !r.want(p, plan.to) {
		r.spawn(func() { r.goAgain(p) })
	}
	return err
}
