// Package wire holds the words that nodes speak: frames, their numbers and the
// messages between a deputy and an executor. PROTOCOL.md describes it in prose.
package wire

import (
	"strconv"

	"umosix/tracer/abi"
)

// NodeID is the number of a node in mosix.map, 1 to 65535. Home is 0 where a
// place for a process is meant: "at its home node".
type NodeID uint16

// Home is the place of a process that is at home.
const Home NodeID = 0

// String prints a place as users write it: a number, or "home".
func (n NodeID) String() string {
	if n == Home {
		return "home"
	}
	return strconv.Itoa(int(n))
}

// Incarnation counts the moves and execs of a process. A frame of another
// incarnation than the process has now is dropped.
type Incarnation uint32

// Header stands in front of every frame.
type Header struct {
	Type Type
	Seq  uint64 // of the sender's stream on this link, from 1
	Ack  uint64 // for an answer: Seq of the frame that it answers; else 0
	Inc  Incarnation
	Pid  abi.HomePid // the process that the frame is about; 0: the link itself
	Tid  abi.HomePid // the task, 0 if none in particular
}
