package host

import (
	"errors"
	"fmt"

	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
)

// Policy is what this node's owner has said about guests.
type Policy struct {
	Guests  cluster.Guests
	RootOK  cluster.NodeSet        // nodes whose root may send guests here
	Cage    string                 // weakest cage that guests may run in: "full" or "any"
	Blocked bool                   // no guests for now (mosctl block)
	Reserve uint64                 // bytes of memory that guests must leave free
	Free    func() (uint64, error) // bytes of memory that are free now; nil: not known
}

// The cages of Policy.
const (
	CageFull = "full"
	CageAny  = "any"
)

// PolicyOf reads a policy from the configuration.
func PolicyOf(conf cluster.Conf, blocked bool) Policy {
	p := Policy{Guests: conf.Guests, RootOK: conf.RootOK, Cage: CageAny, Blocked: blocked, Reserve: conf.MemoryReserve}
	if conf.CageFull {
		p.Cage = CageFull
	}
	return p
}

// Check says why a node's request is refused, in words for its user, or nil.
func (p Policy) Check(from wire.NodeID, ask *control.Admit) error {
	switch {
	case ask.Home != from:
		return fmt.Errorf("node %v asks in the name of node %v", from, ask.Home)
	case ask.Job == "" || len(ask.Job) > wire.MaxJobName:
		return errors.New("the job has no good name")
	case ask.Uid < 0:
		return fmt.Errorf("uid %d is none", ask.Uid)
	case p.Blocked:
		return errors.New("it takes no guests now (mosctl block)")
	case p.Guests.None:
		return fmt.Errorf("it takes no guests (guests no in its %s)", cluster.ConfName)
	case ask.Uid == 0 && !p.RootOK.Contains(from):
		return fmt.Errorf("it takes no guests of root from node %v (root-ok in its %s)", from, cluster.ConfName)
	case !p.Guests.Admits(ask.Uid):
		return fmt.Errorf("it takes no guests of uid %d (guests in its %s)", ask.Uid, cluster.ConfName)
	}
	return p.room(ask.Memory)
}

// room says why there is no room for a process of so many bytes, or nil.
func (p Policy) room(need uint64) error {
	if p.Free == nil {
		return nil
	}
	free, err := p.Free()
	if err != nil || free >= p.Reserve && free-p.Reserve >= need {
		return nil // what cannot be measured stops nobody
	}
	text := fmt.Sprintf("it is full: %d MB of its memory are free and the process has %d MB", free>>20, (need+1<<20-1)>>20)
	if p.Reserve > 0 {
		text += fmt.Sprintf(" (memory-reserve %d in its %s)", p.Reserve>>20, cluster.ConfName)
	}
	return errors.New(text)
}
