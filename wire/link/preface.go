package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// PrefaceKind says what a connection to a node's TCP port is for.
type PrefaceKind uint8

// The kinds of connections.
const (
	PrefaceControl PrefaceKind = 1 // between two mosds; TLS follows at once
	PrefaceLink    PrefaceKind = 2 // from a deputy to an executor; mosd refuses or the executor admits before TLS
)

// PrefaceTimeout is how long a node waits for the preface of a connection that it
// accepted, and a deputy for the answer.
const PrefaceTimeout = 5 * time.Second

// Magic is what every connection to a node starts with.
const Magic = "umosix1\n"

// PrefaceLen is the length of a preface in bytes: magic, kind, ticket.
const PrefaceLen = len(Magic) + 1 + TicketLen

// TicketLen is the length of an admission ticket in bytes.
const TicketLen = 32

// Ticket is what the node of the executor gave to home's mosd when it admitted
// the job. It proves nothing but which admission is meant; certificates do.
type Ticket [TicketLen]byte

// Preface is the plain text in front of TLS.
type Preface struct {
	Kind   PrefaceKind
	Ticket Ticket // zero for PrefaceControl
}

// The answers to a preface of PrefaceLink.
const (
	answerGo     = 0
	answerRefuse = 1
)

// maxReason is the longest reason of a refusal, in bytes.
const maxReason = 255

// RefusedError is what a deputy gets when the node of the executor refuses the
// connection in the preface.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// ErrPreface is wrapped by errors about a connection that does not start as it
// should: it is from no node.
var ErrPreface = errors.New("bad preface")

// WritePreface opens a connection, within PrefaceTimeout.
func WritePreface(c net.Conn, p Preface) error {
	buf := append([]byte(Magic), byte(p.Kind))
	return within(c, func() error {
		_, err := c.Write(append(buf, p.Ticket[:]...))
		return err
	})
}

// ReadPreface reads the preface of an accepted connection, and not a byte more,
// within PrefaceTimeout.
func ReadPreface(c net.Conn) (Preface, error) {
	var buf [PrefaceLen]byte
	err := within(c, func() error {
		_, err := io.ReadFull(c, buf[:])
		return err
	})
	if err != nil {
		return Preface{}, fmt.Errorf("read preface of %v: %w", c.RemoteAddr(), err)
	}
	p := Preface{Kind: PrefaceKind(buf[len(Magic)])}
	copy(p.Ticket[:], buf[len(Magic)+1:])
	if err := p.check(string(buf[:len(Magic)])); err != nil {
		return Preface{}, fmt.Errorf("%w from %v: %v", ErrPreface, c.RemoteAddr(), err)
	}
	return p, nil
}

func (p Preface) check(magic string) error {
	switch {
	case magic != Magic:
		return fmt.Errorf("it starts with %q", magic)
	case p.Kind != PrefaceControl && p.Kind != PrefaceLink:
		return fmt.Errorf("unknown kind %d", p.Kind)
	case p.Kind == PrefaceControl && p.Ticket != Ticket{}:
		return errors.New("a control connection with a ticket")
	}
	return nil
}

// Admit answers a preface of PrefaceLink: TLS may begin. The executor says it, for
// only then somebody is there who goes on.
func Admit(c net.Conn) error {
	return within(c, func() error {
		_, err := c.Write([]byte{answerGo})
		return err
	})
}

// AdmitFile is Admit for a connection that is in an os.File and has sent nothing
// yet, so that the one byte never waits.
func AdmitFile(conn *os.File) error {
	if err := unix.Send(int(conn.Fd()), []byte{answerGo}, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT); err != nil {
		return fmt.Errorf("link from deputy: admit: %w", err)
	}
	return nil
}

// Refuse answers a preface of PrefaceLink with a reason of at most 255 bytes
// (longer ones are cut). The caller closes the connection.
func Refuse(c net.Conn, reason string) error {
	reason = reason[:min(len(reason), maxReason)]
	return within(c, func() error {
		_, err := c.Write(append([]byte{answerRefuse, byte(len(reason))}, reason...))
		return err
	})
}

// readAnswer waits for mosd's answer; a refusal is a *RefusedError.
func readAnswer(c net.Conn) error {
	var head [2]byte
	return within(c, func() error {
		if _, err := io.ReadFull(c, head[:1]); err != nil || head[0] == answerGo {
			return err
		}
		if _, err := io.ReadFull(c, head[1:]); err != nil {
			return err
		}
		reason := make([]byte, head[1])
		if _, err := io.ReadFull(c, reason); err != nil {
			return err
		}
		return &RefusedError{Reason: printable(reason)}
	})
}

// printable makes a peer's words safe for a terminal.
func printable(text []byte) string {
	clean := []byte(nil)
	for _, b := range text {
		if b < ' ' || b > '~' {
			b = '?'
		}
		clean = append(clean, b)
	}
	return string(clean)
}

// within runs f under a deadline of PrefaceTimeout on c.
func within(c net.Conn, f func() error) error {
	if err := c.SetDeadline(time.Now().Add(PrefaceTimeout)); err != nil {
		return err
	}
	err := f()
	if reset := c.SetDeadline(time.Time{}); err == nil {
		err = reset
	}
	return err
}
