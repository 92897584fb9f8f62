package jobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"

	"umosix/wire"
	"umosix/wire/control"
)

// maxTries bounds how often a move is begun anew because the job's deputy ended
// just then, having had nothing away.
const maxTries = 3

// Migrate moves one process and waits until it is there or stays where it is.
func (r *Registry) Migrate(ctx context.Context, who control.Caller, req control.Migrate) (control.Migrated, error) {
	if req.Home != wire.Home && req.Home != r.cfg.Self {
		return r.cfg.Cluster.Return(ctx, req.Home, control.Return{Pid: req.Pid, To: req.To, Uid: who.Uid})
	}
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return control.Migrated{}, err
	}
	to, err := r.target(p, req.To)
	if err != nil {
		return control.Migrated{}, err
	}
	r.want(p, wire.Home)
	return r.move(ctx, p, to)
}

// MigrateGuest serves another node's Return: a process that is there now is
// moved in the name of uid.
func (r *Registry) MigrateGuest(ctx context.Context, from wire.NodeID, ask control.Return) (control.Migrated, error) {
	p := r.find(ask.Pid)
	if p == nil || r.where(p) != from {
		return control.Migrated{}, control.NotFound("process %d of node %v is not on node %v", ask.Pid, r.cfg.Self, from)
	}
	return r.Migrate(ctx, control.Caller{Uid: ask.Uid}, control.Migrate{Pid: ask.Pid, To: ask.To})
}

// target reads a place as users write it.
func (r *Registry) target(p *process, place string) (wire.NodeID, error) {
	switch place {
	case "home":
		return wire.Home, nil
	case "out":
		return r.anywhere(p)
	case "balance":
		return 0, control.Refused("process %d: balancing is not there yet: name a node", p.pid)
	}
	node, err := r.cfg.Cluster.Resolve(place)
	if err != nil {
		return 0, control.NotFound("%v", err)
	}
	if node == r.cfg.Self {
		return wire.Home, nil
	}
	return node, nil
}

// anywhere picks a node that is up and where the process is not.
func (r *Registry) anywhere(p *process) (wire.NodeID, error) {
	here := r.where(p)
	var nodes []wire.NodeID
	for _, node := range r.cfg.Cluster.Reachable() {
		if node != here && r.cfg.Cluster.MayGo(p.job.owner.Uid, node) == nil {
			nodes = append(nodes, node)
		}
	}
	if len(nodes) == 0 {
		return 0, control.Refused("process %d: no other node is up that it may go to", p.pid)
	}
	return nodes[rand.IntN(len(nodes))], nil
}

// move brings a process to a node. Moves of one process come one after another;
// one that has begun is not given up because the caller has gone.
func (r *Registry) move(ctx context.Context, p *process, to wire.NodeID) (control.Migrated, error) {
	done, err := p.holdMoves(ctx)
	if err != nil {
		return control.Migrated{}, err
	}
	defer done()
	return r.moveHeld(ctx, p, to)
}

// holdMoves waits for the move of a process that is under way; no other one begins until
// done is called.
func (p *process) holdMoves(ctx context.Context) (done func(), err error) {
	ended := control.NotFound("process %d has ended, or left its job", p.pid)
	select {
	case <-p.moving:
	case <-p.gone:
		return nil, ended
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done = func() { p.moving <- struct{}{} }
	select {
	case <-p.gone:
		done()
		return nil, ended
	default:
		return done, nil
	}
}

// moveHeld is move for a caller that holds the moves of the process.
func (r *Registry) moveHeld(ctx context.Context, p *process, to wire.NodeID) (control.Migrated, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.MoveTimeout)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)() // but mosd's own end is not delayed
	for try := 1; ; try++ {
		moved, err := r.moveOnce(ctx, p, to)
		if !errors.Is(err, errDeputyEnded) || try == maxTries {
			return moved, explain(p, to, err)
		}
	}
}

// moveOnce does it with the deputy of the moment.
func (r *Registry) moveOnce(ctx context.Context, p *process, to wire.NodeID) (control.Migrated, error) {
	from := r.where(p)
	result := control.Migrated{Pid: p.pid, From: from, To: to}
	if from == to {
		return result, nil
	}
	var admission Admission
	if to != wire.Home {
		var err error
		if admission, err = r.admit(ctx, p, to); err != nil {
			return result, err
		}
	}
	d, err := r.deputyOf(ctx, p.job)
	if err != nil {
		return result, err
	}
	done, err := d.ask(ctx, func(id uint64) control.ToDeputy {
		return control.ToDeputy{Move: &control.Move{
			ID: id, Pid: p.pid, To: to, Address: admission.Address, Ticket: admission.Ticket,
		}}
	}, func() { p.said.Where = to })
	if err != nil {
		return result, err
	}
	if done.Failure != "" {
		return result, control.Refused("%s", done.Failure)
	}
	r.log.Info().Str(fieldJob, p.job.id).Int(fieldPid, p.pid).Stringer("to", to).Msg("process moved")
	result.Freeze, result.Total, result.Bytes = done.Freeze.Seconds(), done.Total.Seconds(), done.Bytes
	return result, nil
}

// explain makes one line of a failed move, with the process and the node.
func explain(p *process, to wire.NodeID, err error) error {
	if err == nil {
		return nil
	}
	place := "home"
	if to != wire.Home {
		place = "to node " + to.String()
	}
	status := http.StatusConflict
	var failure *control.Failure
	if errors.As(err, &failure) {
		status = failure.Status
	}
	return control.Failf(status, "process %d did not go %s: %v", p.pid, place, err)
}
