package host

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"umosix/wire/control"
	"umosix/wire/link"
)

// TicketLife is how long a ticket may be used, once.
const TicketLife = 30 * time.Second

// maxTickets bounds the tickets that are out at one time.
const maxTickets = 4096

// tickets are the admissions that no deputy has come for yet.
type tickets struct {
	mu  sync.Mutex
	out map[link.Ticket]admission
}

// admission is what a ticket stands for.
type admission struct {
	ask     control.Admit
	expires time.Time
}

var errTooMany = errors.New("too many admissions are open here: try again")

// give makes a ticket for an admission.
func (t *tickets) give(ask control.Admit, now time.Time) (link.Ticket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		t.out = make(map[link.Ticket]admission)
	}
	if len(t.out) >= maxTickets {
		t.sweep(now)
	}
	if len(t.out) >= maxTickets {
		return link.Ticket{}, errTooMany
	}
	var ticket link.Ticket
	rand.Read(ticket[:])
	t.out[ticket] = admission{ask: ask, expires: now.Add(TicketLife)}
	return ticket, nil
}

// take uses a ticket up.
func (t *tickets) take(ticket link.Ticket, now time.Time) (control.Admit, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.out[ticket]
	delete(t.out, ticket)
	return found.ask, ok && now.Before(found.expires)
}

// sweep drops what has expired. Called with mu held.
func (t *tickets) sweep(now time.Time) {
	for ticket, found := range t.out {
		if !now.Before(found.expires) {
			delete(t.out, ticket)
		}
	}
}
