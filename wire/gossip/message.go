package gossip

import (
	"encoding/binary"
	"errors"
	"time"

	"umosix/wire"
)

// MaxDatagram is the size of the largest datagram, so that none is fragmented on
// a path with the usual MTU.
const MaxDatagram = 1400

// The sizes of a body, in bytes: the fixed part, one key id, one entry. All
// numbers are big-endian and stand in the order of the fields.
const (
	bodySize  = 8 + 8 + 8 + 8 + 1 + 1 + 1
	keySize   = 4
	entrySize = 2 + 8 + 4 + 4 + 2 + 4 + 4 + 2 + 4 + 4 + 2 + 2 + 2
	maxKeys   = 2
)

// MaxEntries is how many entries fit into a datagram.
const MaxEntries = (MaxDatagram - overhead - bodySize - maxKeys*keySize) / entrySize

// maxAge bounds the age of an entry that is believed; it is sent in milliseconds.
const maxAge = time.Hour

// message is the body of a datagram before it is sealed.
type message struct {
	Session uint64   // of the sender's run, never 0
	Echo    uint64   // the receiver's session as the sender knows it, 0 if it doesn't
	Seq     uint64   // of the sender's datagrams to this receiver in this session
	Digest  uint64   // of the sender's map
	Want    bool     // the sender wants an answer at once
	Accepts []uint32 // ids of the keys that the sender accepts, best first
	Entries []Entry
}

var errMessage = errors.New("malformed message")

// encode writes a message that respects the limits.
func (m message) encode() []byte {
	b := make([]byte, 0, MaxDatagram)
	b = binary.BigEndian.AppendUint64(b, m.Session)
	b = binary.BigEndian.AppendUint64(b, m.Echo)
	b = binary.BigEndian.AppendUint64(b, m.Seq)
	b = binary.BigEndian.AppendUint64(b, m.Digest)
	want := byte(0)
	if m.Want {
		want = 1
	}
	b = append(b, want, byte(len(m.Accepts)), byte(len(m.Entries)))
	for _, id := range m.Accepts {
		b = binary.BigEndian.AppendUint32(b, id)
	}
	for _, e := range m.Entries {
		b = e.append(b)
	}
	return b
}

func (e Entry) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e.Node))
	b = binary.BigEndian.AppendUint64(b, e.Epoch)
	b = binary.BigEndian.AppendUint32(b, e.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(min(e.Age, maxAge)/time.Millisecond))
	b = binary.BigEndian.AppendUint16(b, uint16(e.Flags))
	b = binary.BigEndian.AppendUint32(b, e.Load)
	b = binary.BigEndian.AppendUint32(b, e.Speed)
	b = binary.BigEndian.AppendUint16(b, e.CPUs)
	b = binary.BigEndian.AppendUint32(b, mebibytes(e.MemTotal))
	b = binary.BigEndian.AppendUint32(b, mebibytes(e.MemFree))
	b = binary.BigEndian.AppendUint16(b, e.Utilisation)
	b = binary.BigEndian.AppendUint16(b, e.Guests)
	return binary.BigEndian.AppendUint16(b, e.Away)
}

func mebibytes(n uint64) uint32 { return uint32(min(n>>20, 1<<32-1)) }

// decodeMessage reads a body and takes nothing that encode would not write.
func decodeMessage(b []byte) (message, error) {
	var m message
	if len(b) < bodySize {
		return m, errMessage
	}
	m.Session = binary.BigEndian.Uint64(b)
	m.Echo = binary.BigEndian.Uint64(b[8:])
	m.Seq = binary.BigEndian.Uint64(b[16:])
	m.Digest = binary.BigEndian.Uint64(b[24:])
	want, keys, entries := b[32], int(b[33]), int(b[34])
	m.Want = want == 1
	b = b[bodySize:]
	if want > 1 || m.Session == 0 || m.Seq == 0 || keys > maxKeys || entries > MaxEntries || len(b) != keys*keySize+entries*entrySize {
		return m, errMessage
	}
	for range keys {
		m.Accepts = append(m.Accepts, binary.BigEndian.Uint32(b))
		b = b[keySize:]
	}
	for range entries {
		e := decodeEntry(b)
		if !e.valid() {
			return m, errMessage
		}
		m.Entries = append(m.Entries, e)
		b = b[entrySize:]
	}
	return m, nil
}

// decodeEntry reads the entrySize bytes at the start of b.
func decodeEntry(b []byte) Entry {
	return Entry{
		Node:    wire.NodeID(binary.BigEndian.Uint16(b)),
		Epoch:   binary.BigEndian.Uint64(b[2:]),
		Version: binary.BigEndian.Uint32(b[10:]),
		Age:     time.Duration(binary.BigEndian.Uint32(b[14:])) * time.Millisecond,
		Local: Local{
			Flags:       Flags(binary.BigEndian.Uint16(b[18:])),
			Load:        binary.BigEndian.Uint32(b[20:]),
			Speed:       binary.BigEndian.Uint32(b[24:]),
			CPUs:        binary.BigEndian.Uint16(b[28:]),
			MemTotal:    uint64(binary.BigEndian.Uint32(b[30:])) << 20,
			MemFree:     uint64(binary.BigEndian.Uint32(b[34:])) << 20,
			Utilisation: binary.BigEndian.Uint16(b[38:]),
			Guests:      binary.BigEndian.Uint16(b[40:]),
			Away:        binary.BigEndian.Uint16(b[42:]),
		},
	}
}

// valid says whether a node can have said that about itself.
func (e Entry) valid() bool {
	return e.Node != wire.Home && e.Epoch < maxEpoch && e.Age <= maxAge && e.Utilisation <= 1000 && e.MemFree <= e.MemTotal
}
