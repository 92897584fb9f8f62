package gossip

import (
	"fmt"
	"strings"
	"time"

	"umosix/wire"
)

// Flags are the states of a node that others must know.
type Flags uint16

// The states, as mosctl sets them. Numbers are only ever added.
const (
	Stay      Flags = 1 << iota // own processes don't leave by themselves
	LocalStay                   // own processes that are home don't leave; guests may
	Block                       // takes in no guests
	Quiet                       // tells no load
	NoMFS                       // serves no files
	Draining                    // wants its guests away
	Pressed                     // is short of memory
	Leaving                     // has said goodbye
)

var flagNames = []string{"stay", "lstay", "block", "quiet", "nomfs", "draining", "pressed", "leaving"}

// Has says whether all of these are set.
func (f Flags) Has(all Flags) bool { return f&all == all }

// String prints the names with commas between.
func (f Flags) String() string {
	var words []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	if rest := f >> len(flagNames); rest != 0 {
		words = append(words, fmt.Sprintf("%#x", uint16(rest<<len(flagNames))))
	}
	return strings.Join(words, ",")
}

// Local is what a node says about itself.
type Local struct {
	Flags       Flags
	Load        uint32 // runnable processes of the whole machine, times 100
	Speed       uint32 // of one CPU, 10000 is the standard
	CPUs        uint16 // that processes can use, limits of the daemon's cgroup counted
	MemTotal    uint64 // bytes; on the wire whole MiB
	MemFree     uint64 // bytes available without paging
	Utilisation uint16 // of the CPUs, in 1/1000
	Guests      uint16 // processes of other homes here
	Away        uint16 // own processes elsewhere
}

// Entry is a report of one node about itself, at some age. Of two reports the
// newer is the one with the greater Epoch (a run of the node's daemon), then
// Version (a count within the run).
type Entry struct {
	Node    wire.NodeID
	Epoch   uint64
	Version uint32
	Age     time.Duration // since the node made it, transport not counted
	Local
}

// newer says whether e supersedes other.
func (e Entry) newer(other Entry) bool {
	if e.Epoch != other.Epoch {
		return e.Epoch > other.Epoch
	}
	return e.Version > other.Version
}

// Member is a node of the map as this node sees it.
type Member struct {
	Entry        // only Node is set where Heard is not
	Heard   bool // something is known about it
	Up      bool // it is this node, or it was heard of lately and has not said goodbye
	Differs bool // it last told us that its map is another one than ours
}
