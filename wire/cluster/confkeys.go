package cluster

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// confKey is how one key of mosix.conf is read. Keys with many may stand in
// several lines, whose values add up: more is set from the second one on.
type confKey struct {
	many bool
	set  func(c *Conf, value string, more bool) error
}

var confKeys = map[string]confKey{
	"allow":          nodesKey(func(c *Conf) *NodeSet { return &c.Allow }),
	"deny":           nodesKey(func(c *Conf) *NodeSet { return &c.Deny }),
	"root-ok":        nodesKey(func(c *Conf) *NodeSet { return &c.RootOK }),
	"guests":         {set: (*Conf).setGuests},
	"cage":           {set: (*Conf).setCage},
	"grace":          {set: (*Conf).setGrace},
	"balance":        {set: (*Conf).setBalance},
	"dfsa":           {many: true, set: (*Conf).setDFSA},
	"mfs":            {set: (*Conf).setMFS},
	"speed":          {set: (*Conf).setSpeed},
	"memory-reserve": {set: (*Conf).setReserve},
	"web":            addressKey(func(c *Conf) *string { return &c.Web }),
	"metrics":        addressKey(func(c *Conf) *string { return &c.Metrics }),
	"cache":          {set: (*Conf).setCache},
}

func nodesKey(field func(*Conf) *NodeSet) confKey {
	return confKey{many: true, set: func(c *Conf, value string, more bool) error {
		nodes, err := ParseNodes(value)
		if err != nil {
			return err
		}
		if more {
			nodes = nodes.with(*field(c))
		}
		*field(c) = nodes
		return nil
	}}
}

func addressKey(field func(*Conf) *string) confKey {
	return confKey{set: func(c *Conf, value string, _ bool) error {
		_, port, err := net.SplitHostPort(value)
		if err != nil {
			return fmt.Errorf("bad address %.60q: it must be HOST:PORT", value)
		}
		if n, err := number(port, 65535); err != nil || n == 0 {
			return fmt.Errorf("bad port %.20q", port)
		}
		*field(c) = value
		return nil
	}}
}

func yesNo(value string) (bool, error) {
	if value != "yes" && value != "no" {
		return false, fmt.Errorf("%.40q is neither yes nor no", value)
	}
	return value == "yes", nil
}

func (c *Conf) setGuests(value string, _ bool) error {
	if yes, err := yesNo(value); err == nil {
		c.Guests = Guests{None: !yes}
		return nil
	}
	uids, err := parseRanges(value, 0, maxUid)
	if err != nil {
		return fmt.Errorf("it must be yes, no or a list of uids such as 1000,2000-2999: %w", err)
	}
	c.Guests = Guests{Uids: uids}
	return nil
}

func (c *Conf) setCage(value string, _ bool) error {
	if value != "full" && value != "any" {
		return fmt.Errorf("%.40q is neither full nor any", value)
	}
	c.CageFull = value == "full"
	return nil
}

func (c *Conf) setGrace(value string, _ bool) error {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > 24*time.Hour {
		return fmt.Errorf("bad duration %.40q: such as 30s, at most 24h", value)
	}
	c.Grace = d
	return nil
}

func (c *Conf) setBalance(value string, _ bool) (err error) {
	c.Balance, err = yesNo(value)
	return err
}

func (c *Conf) setDFSA(value string, more bool) error {
	path, err := absolutePath(value)
	if err != nil {
		return err
	}
	if !more {
		c.DFSA = nil
	}
	c.DFSA = append(slices.Clone(c.DFSA), path)
	return nil
}

func (c *Conf) setMFS(value string, _ bool) error {
	word, dir, told := strings.Cut(value, " ")
	yes, err := yesNo(word)
	if err != nil {
		return err
	}
	if yes && !told {
		return errors.New("yes needs the directory to mount at")
	}
	if told {
		if dir, err = absolutePath(strings.TrimSpace(dir)); err != nil {
			return err
		}
	}
	c.MFS, c.MFSDir = yes, dir
	return nil
}

func (c *Conf) setSpeed(value string, _ bool) error {
	n, err := number(value, 10_000_000)
	if err != nil || n == 0 {
		return fmt.Errorf("bad speed %.40q: 10000 is the standard, at most 10000000", value)
	}
	c.Speed = uint32(n)
	return nil
}

func (c *Conf) setReserve(value string, _ bool) error {
	mb, err := strconv.ParseUint(value, 10, 40)
	if err != nil {
		return fmt.Errorf("bad size %.40q: a number of megabytes", value)
	}
	c.MemoryReserve = mb << 20
	return nil
}

func (c *Conf) setCache(value string, _ bool) (err error) {
	c.Cache, err = absolutePath(value)
	return err
}

func absolutePath(value string) (string, error) {
	if !filepath.IsAbs(value) || strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%.60q is no absolute path", value)
	}
	return filepath.Clean(value), nil
}
