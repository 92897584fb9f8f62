package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"umosix/wire"
)

// DefaultPort is the TCP and UDP port of a node whose line in the map names none.
const DefaultPort = 4660

// maxHost bounds a host name (RFC 1035).
const maxHost = 253

// mapLine is one line of mosix.map after its syntax was checked.
type mapLine struct {
	number int // in the file, from 1
	first  wire.NodeID
	host   string // an address or a name
	port   uint16 // 0: the default
	span   int    // 0: an alias
}

// String prints the line as it is written in a map.
func (l mapLine) String() string {
	last := "ALIAS"
	if l.span > 0 {
		last = strconv.Itoa(l.span)
	}
	return fmt.Sprintf("%d %s %s", l.first, l.hostPort(), last)
}

// hostPort is the second word of the line.
func (l mapLine) hostPort() string {
	if l.port == 0 {
		return l.host
	}
	return net.JoinHostPort(l.host, strconv.Itoa(int(l.port)))
}

// parseMapLine reads a line that is neither empty nor only a comment.
func parseMapLine(text string) (mapLine, error) {
	var l mapLine
	words := strings.Fields(text)
	if len(words) != 3 {
		return l, fmt.Errorf("%d words where NODE HOST[:PORT] SPAN or NODE HOST ALIAS must stand", len(words))
	}
	var err error
	if l.first, err = ParseNode(words[0]); err != nil {
		return l, err
	}
	if l.host, l.port, err = splitHost(words[1]); err != nil {
		return l, err
	}
	if strings.EqualFold(words[2], "ALIAS") {
		if l.port != 0 {
			return l, errors.New("an alias has no port")
		}
		return l, nil
	}
	return l, l.setSpan(words[2])
}

// setSpan reads the third word and checks what can be checked before names are
// resolved.
func (l *mapLine) setSpan(word string) error {
	span, err := number(word, 65535)
	if err != nil || span == 0 {
		return fmt.Errorf("bad span %.20q: it is the number of nodes from here on, 1 to 65535, or the word ALIAS", word)
	}
	if int(l.first)+span-1 > 65535 {
		return fmt.Errorf("%d nodes from %d on go past node 65535", span, l.first)
	}
	l.span = span
	return nil
}

// ParseNode reads the number of a node, 1 to 65535.
func ParseNode(word string) (wire.NodeID, error) {
	n, err := number(word, 65535)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("bad node number %.20q: it must be 1 to 65535", word)
	}
	return wire.NodeID(n), nil
}

// number reads plain decimal digits.
func number(word string, most uint64) (int, error) {
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil || n > most {
		return 0, errors.New("bad number")
	}
	return int(n), nil
}

// splitHost reads HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT.
func splitHost(word string) (host string, port uint16, err error) {
	host = word
	if addr, err := netip.ParseAddr(word); err == nil {
		return host, 0, checkAddr(addr)
	}
	if strings.Contains(word, ":") {
		h, p, err := net.SplitHostPort(word)
		if err != nil {
			return "", 0, fmt.Errorf("bad host %.60q", word)
		}
		n, err := number(p, 65535)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("bad port %.20q: it must be 1 to 65535", p)
		}
		host, port = h, uint16(n)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return host, port, checkAddr(addr)
	}
	return host, port, checkName(host)
}

// checkAddr refuses addresses that no node can have.
func checkAddr(addr netip.Addr) error {
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if addr.IsUnspecified() || addr.IsMulticast() || addr.Unmap() == broadcast {
		return fmt.Errorf("%s is not the address of a machine", addr)
	}
	if addr.Zone() != "" {
		return fmt.Errorf("%s has a zone, which means something only on one machine", addr)
	}
	return nil
}

// checkName refuses what cannot be a host name; "10.0.0.300" or "10.0.1" is a
// mistyped address, not a name.
func checkName(host string) error {
	bad := host == "" || len(host) > maxHost || strings.Trim(host, "0123456789.") == ""
	for _, c := range host {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		bad = bad || !letter && !strings.ContainsRune("-._", c)
	}
	if bad || host[0] == '-' {
		return fmt.Errorf("bad host %.60q", host)
	}
	return nil
}
