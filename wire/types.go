package wire

import (
	"reflect"
	"strconv"

	"umosix/tracer/image"
)

// Way says which side may send a type of frame.
type Way uint8

// The ways of a frame.
const (
	Both       Way = iota // either side
	ToExecutor            // D→E, from deputy to executor
	ToDeputy              // E→D, from executor to deputy
)

// String prints the way as PROTOCOL.md does.
func (w Way) String() string { return [...]string{"both", "D→E", "E→D"}[w] }

// The largest encoded bodies, in bytes. What a peer claims beyond them is
// refused before anything is allocated.
const (
	maxSmallBody = 64 << 10 // all that are not named below
	maxCallBody  = 1 << 20  // abi.MaxRegions regions
	maxImageBody = 64 << 20 // an image without pages
)

// row is what the wire knows of a type of frame: one line of PROTOCOL.md's table.
type row struct {
	name    string
	way     Way
	body    reflect.Type // nil: the frame has no body
	maxBody int
	payload bool // raw bytes may follow the body
}

func body[T any]() reflect.Type { return reflect.TypeFor[T]() }

// rows describes every type of frame, by its number.
var rows = [256]row{
	TypeHello:     {"hello", Both, body[Hello](), maxSmallBody, false},
	TypeBye:       {"bye", Both, body[Reason](), maxSmallBody, false},
	TypePing:      {"ping", Both, nil, 0, false},
	TypePong:      {"pong", Both, nil, 0, false},
	TypeImage:     {"image", Both, body[image.Image](), maxImageBody, false},
	TypeBatch:     {"batch", Both, body[image.Batch](), maxSmallBody, true},
	TypeTrailer:   {"trailer", Both, body[image.Trailer](), maxSmallBody, false},
	TypeRebuilt:   {"rebuilt", ToDeputy, body[Rebuilt](), maxSmallBody, false},
	TypeGo:        {"go", ToExecutor, nil, 0, false},
	TypeAbandon:   {"abandon", Both, body[Reason](), maxSmallBody, false},
	TypeFreeze:    {"freeze", ToExecutor, nil, 0, false},
	TypeThaw:      {"thaw", ToExecutor, nil, 0, false},
	TypeDrop:      {"drop", ToExecutor, nil, 0, false},
	TypeDropped:   {"dropped", ToDeputy, nil, 0, false},
	TypeCall:      {"call", ToDeputy, body[Call](), maxCallBody, true},
	TypeReply:     {"reply", ToExecutor, body[Reply](), maxCallBody, true},
	TypeRelay:     {"relay", ToExecutor, body[Relay](), maxSmallBody, false},
	TypeInterrupt: {"interrupt", ToDeputy, nil, 0, false},
	TypeFault:     {"fault", ToDeputy, body[Fault](), maxSmallBody, false},
	TypeComeHome:  {"come-home", ToDeputy, body[Reason](), maxSmallBody, false},
	TypeExit:      {"exit", ToDeputy, body[Exit](), maxSmallBody, false},
	TypeMapFile:   {"map-file", ToDeputy, body[MapFile](), maxSmallBody, false},
	TypeMapped:    {"mapped", ToExecutor, body[Mapped](), maxSmallBody, false},
	TypeUsage:     {"usage", ToDeputy, body[Usage](), maxSmallBody, false},
	TypeTell:      {"tell", ToDeputy, body[Call](), maxCallBody, true},
	TypeClock:     {"clock", Both, body[image.Clock](), maxSmallBody, false},
	TypeFile:      {"file", ToExecutor, body[File](), maxSmallBody, false},
	TypeBorn:      {"born", ToExecutor, body[Reply](), maxCallBody, true},
	TypeStores:    {"stores", ToDeputy, body[Stores](), maxCallBody, true},
	TypeAbreast:   {"abreast", Both, nil, 0, false},
}

// Known says whether the protocol has such a frame.
func (t Type) Known() bool { return rows[t].name != "" }

// Way says which side may send such a frame.
func (t Type) Way() Way { return rows[t].way }

// String prints the name of the type, as PROTOCOL.md has it.
func (t Type) String() string {
	if !t.Known() {
		return "type" + strconv.Itoa(int(t))
	}
	return rows[t].name
}
