package control

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"umosix/wire"
)

// MaxPeerMessage bounds one message between two mosds, in bytes.
const MaxPeerMessage = 64 << 10

// PeerProtocol is the version of the messages between mosds.
const PeerProtocol = 1

// PeerAsk is a request of one mosd to another; exactly one field is set. Each
// is answered by one PeerAnswer, in order.
type PeerAsk struct {
	Hello  *PeerHello `json:",omitempty"`
	Admit  *Admit     `json:",omitempty"`
	Return *Return    `json:",omitempty"`
}

// PeerAnswer answers a PeerAsk. Refusal is empty, or why it was not done, in
// words that can be shown to the user.
type PeerAnswer struct {
	Refusal  string     `json:",omitempty"`
	Hello    *PeerHello `json:",omitempty"`
	Admitted *Admitted  `json:",omitempty"`
	Migrated *Migrated  `json:",omitempty"`
}

// PeerHello opens a connection between mosds, both ways.
type PeerHello struct {
	Protocol int
	Node     wire.NodeID
	Version  string // of the program, for people
}

// Admit asks to take guests of a job in.
type Admit struct {
	Job      string
	Home     wire.NodeID
	Uid      int
	User     string `json:",omitempty"`
	Memory   uint64 `json:",omitempty"` // bytes that the process holds which is to come; 0: nothing yet
	Features []string
	Grace    int64 // seconds; 0: the host's own
}

// Admitted is the right to open one link for the job, within TicketLife.
type Admitted struct {
	Ticket []byte // 32 bytes, for the preface
}

// Return asks a guest's home to move it; only the node where the guest is may
// ask, in the name of a user who is the job's owner there (or root).
type Return struct {
	Pid int // home pid
	To  string
	Uid int
}

// WritePeer writes one message: a 32-bit big-endian length, then JSON.
func WritePeer(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control: message to a mosd: %w", err)
	}
	if len(text) > MaxPeerMessage {
		return fmt.Errorf("control: message to a mosd has %d bytes, at most %d go", len(text), MaxPeerMessage)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	_, err = w.Write(append(frame, text...))
	return err
}

// ReadPeer reads one message. A clean end before it is io.EOF.
func ReadPeer(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxPeerMessage {
		return fmt.Errorf("control: message of a mosd has %d bytes, at most %d are taken", n, MaxPeerMessage)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return fmt.Errorf("control: message of a mosd: %w", err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("control: message of a mosd: %w", err)
	}
	return nil
}
