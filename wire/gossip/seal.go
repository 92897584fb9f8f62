package gossip

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"umosix/wire"
	"umosix/wire/cluster"
)

// A datagram is a header in the clear, a random nonce, and the sealed body with
// its tag. The header is authenticated with the body:
//
//	"umg1"  key id (4)  sender (2)  receiver (2)  nonce (24)  sealed body + tag (16)
//
// The sender stands in the clear so that a node with another secret can be named.
const (
	magic      = "umg1"
	headerSize = len(magic) + 4 + 2 + 2
	overhead   = headerSize + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// The reasons for which a datagram is not opened.
var (
	errMalformed = errors.New("malformed datagram")
	errSecret    = errors.New("sealed with another secret")
)

// header is what can be read without a key.
type header struct {
	key      uint32
	from, to wire.NodeID
}

// sealer seals and opens with one key.
type sealer struct {
	id   uint32
	aead cipher.AEAD
}

// keyring holds the keys in use, the preferred one first.
type keyring []sealer

func newKeyring(keys []cluster.GossipKey) (keyring, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("gossip: %d keys, need 1 or %d", len(keys), maxKeys)
	}
	var ring keyring
	for _, k := range keys {
		aead, err := chacha20poly1305.NewX(k.Key[:])
		if err != nil {
			return nil, fmt.Errorf("gossip: %w", err)
		}
		ring = append(ring, sealer{k.ID, aead})
	}
	return ring, nil
}

// ids are the key ids, preferred first.
func (r keyring) ids() []uint32 {
	var ids []uint32
	for _, s := range r {
		ids = append(ids, s.id)
	}
	return ids
}

// common is the first own key that the peer accepts too; if nothing is known of
// the peer, or they share none, every own key is tried.
func (r keyring) common(accepts []uint32) keyring {
	for i, s := range r {
		for _, id := range accepts {
			if s.id == id {
				return r[i : i+1]
			}
		}
	}
	return r
}

func (s sealer) seal(from, to wire.NodeID, m message) []byte {
	b := make([]byte, 0, MaxDatagram)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, s.id)
	b = binary.BigEndian.AppendUint16(b, uint16(from))
	b = binary.BigEndian.AppendUint16(b, uint16(to))
	b = b[:headerSize+chacha20poly1305.NonceSizeX]
	nonce := b[headerSize:]
	rand.Read(nonce)
	return s.aead.Seal(b, nonce, m.encode(), b[:headerSize])
}

// parseHeader reads the part in the clear.
func parseHeader(b []byte) (header, error) {
	if len(b) < overhead || len(b) > MaxDatagram || string(b[:len(magic)]) != magic {
		return header{}, errMalformed
	}
	h := header{
		key:  binary.BigEndian.Uint32(b[4:]),
		from: wire.NodeID(binary.BigEndian.Uint16(b[8:])),
		to:   wire.NodeID(binary.BigEndian.Uint16(b[10:])),
	}
	if h.from == wire.Home || h.to == wire.Home {
		return h, errMalformed
	}
	return h, nil
}

// open reads the body of a datagram with this header.
func (r keyring) open(h header, b []byte) (message, error) {
	for _, s := range r {
		if s.id != h.key {
			continue
		}
		nonce := b[headerSize : headerSize+chacha20poly1305.NonceSizeX]
		plain, err := s.aead.Open(nil, nonce, b[headerSize+len(nonce):], b[:headerSize])
		if err != nil {
			return message{}, errSecret
		}
		return decodeMessage(plain)
	}
	return message{}, errSecret
}
