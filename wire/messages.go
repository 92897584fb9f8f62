package wire

import (
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Type numbers a kind of frame. Numbers are only ever added.
type Type uint8

// The frames. D→E: from deputy to executor; E→D: the other way.
const (
	TypeHello     Type = 1  // both: first frame, protocol version and features
	TypeBye       Type = 2  // both: orderly end of the link; body: Reason
	TypePing      Type = 3  // both: are you there?
	TypePong      Type = 4  // both: answer to Ping
	TypeImage     Type = 10 // both: an image begins; body: image.Image
	TypeBatch     Type = 11 // both: pages; body: image.Batch without Data, payload: Data
	TypeTrailer   Type = 12 // both: the image is complete; body: image.Trailer
	TypeRebuilt   Type = 13 // E→D: the guest stands ready; body: Rebuilt
	TypeGo        Type = 14 // D→E: the move is decided: the guest runs
	TypeAbandon   Type = 15 // both: the move is off, forget what was received; body: Reason
	TypeFreeze    Type = 16 // D→E: stop the guest and send its image
	TypeThaw      Type = 17 // D→E: the move is off: the frozen guest goes on
	TypeDrop      Type = 18 // D→E: the guest is elsewhere now (or dead): end it
	TypeDropped   Type = 19 // E→D: answer to Drop: the guest is gone
	TypeCall      Type = 20 // E→D: a forwarded call; body: Call, payload: In regions
	TypeReply     Type = 21 // D→E: its outcome; body: Reply, payload: Out regions
	TypeRelay     Type = 22 // D→E: a signal for the guest; body: Relay
	TypeInterrupt Type = 23 // E→D: take the body out of the call that Ack names: a signal waits for the guest
	TypeFault     Type = 24 // E→D: default action of a signal is due; body: Fault
	TypeComeHome  Type = 25 // E→D: the guest must go home; body: Reason
	TypeExit      Type = 26 // E→D: the guest has ended (it is gone already); body: Exit
	TypeMapFile   Type = 27 // E→D: map a file into the body and say what it is; body: MapFile
	TypeMapped    Type = 28 // D→E: answer; body: Mapped; the file's contents went before it
	TypeUsage     Type = 29 // E→D: CPU and memory of guests, about once a second; body: Usage
	TypeTell      Type = 30 // E→D: a change that home mirrors (sigaction, munmap, limits); body: Call, no answer
	TypeFile      Type = 31 // D→E: names a file whose contents follow as TypeBatch of process 0; body: File
	TypeClock     Type = 32 // both: E→D asks for home's clocks, D→E tells them; body: image.Clock
	TypeBorn      Type = 33 // D→E: a reply whose result is a process, which is away; body: Reply, payload: Out regions
	TypeStores    Type = 34 // E→D: what the guest has written to a file that its process alone has; body: Stores, payload: the bytes
	TypeAbreast   Type = 35 // both: D→E asks whether all frames before have been handled, E→D says so
)

// Hello opens a link.
type Hello struct {
	Protocol uint32
	Job      string
	Node     NodeID
	Cage     string // E→D: "full", "seccomp+landlock" or "seccomp"
	Features []string
	CPU      image.CPU
}

// TimerSignalsEnd is the feature of a home whose kernel drops pending signals of a POSIX
// timer that is set anew or deleted (Linux 6.13 and later).
const TimerSignalsEnd = "timer-signals-end"

// Protocol is the version of the frames between deputy and executor.
const Protocol = 3

// Reason says in words why something was done or refused.
type Reason struct {
	Text string
	Must bool        // of come-home: the guest cannot go on where it is
	At   abi.HomePid // of come-home: the process whose memory the guest is about to look at; 0: none
}

// Rebuilt answers a complete image. Failure is empty if the guest stands ready.
type Rebuilt struct{ Failure string }

// Call is a forwarded call. Regions' In bytes lie in the payload one after
// another, Avail bytes each.
type Call struct {
	Call  abi.Call
	Mask  uint64 // blocked signals of the task while it is in the call
	Flags CallFlags
	From  uint64 // bytes that earlier parts of the program's call have moved
}

// CallFlags modify how a forwarded call is executed.
type CallFlags uint8

// The call flags.
const (
	Resume CallFlags = 1 << iota // no new call: wait on for the one that the body is in
	Woken                        // signals wait for the call to let them in: if its time is over at once, they end it
	Part                         // a part of the program's call, and not the last one
)

// Reply is the outcome of a call. Outs[i] is how many bytes of region i lie in
// the payload; no Outs: nothing comes back.
type Reply struct {
	Ret   int64
	Outs  []uint32
	Flags ReplyFlags
}

// ReplyFlags say how the guest goes on.
type ReplyFlags uint8

// The reply flags.
const (
	More  ReplyFlags = 1 << iota // the part has been moved, Ret bytes of the call in all: the next one
	Parts                        // the descriptor has room for less than it was given, and takes calls in parts
	Whole                        // nothing has been done: the descriptor does not take calls in parts
)

// Relay is a signal that arrived at the body.
type Relay struct {
	Info  []byte // siginfo_t, 128 bytes
	Group bool   // sent to the process, not to the task
}

// Fault asks home to take the default action of a signal at the body.
type Fault struct {
	Info []byte // siginfo_t
	Core bool   // the memory should come home first
	Gone bool   // the guest has been ended: the action is to die
}

// Exit is the end of a guest by exit_group, or of one task by exit.
type Exit struct {
	Status int
	Group  bool
	Unmade bool // there never was a guest: it could not be made
	Usage  Usage
}

// MapFile asks for a file mapping (man mmap); Length is in bytes.
type MapFile struct {
	Addr   abi.Addr
	Length uint64
	Prot   uint32
	Flags  uint32
	Fd     int32
	Offset uint64
}

// Mapped answers MapFile: Errno (-1: it cannot be mapped away from home), or where
// the body has the file mapped for now, and which file it is.
type Mapped struct {
	Errno int32
	At    abi.Addr
	File  image.File
}

// Stores says where in a file, which the guest has mapped and its process alone has, it has
// written something: the bytes of the runs lie in the payload one after another.
type Stores struct {
	Dev, Ino uint64 // of the file, as the image names it
	Runs     []StoreRun
}

// StoreRun is a range of a file, in bytes.
type StoreRun struct {
	Offset uint64
	Len    uint32
}

// File gives a file of home a number on this link, which stands in the File of the
// batches that carry its contents.
type File struct {
	Index int
	File  image.File
}

// Usage is what the guests of a process have used since its last arrival.
type Usage struct {
	UserNs, SystemNs int64
	RSS              uint64 // bytes
}
