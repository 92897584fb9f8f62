package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"umosix/wire"
)

// The names of the other files in a configuration directory.
const (
	ConfName = "mosix.conf"
	MapName  = "mosix.map"
)

// maxConfSize bounds mosix.conf, in bytes.
const maxConfSize = 1 << 20

// Conf is what mosix.conf says.
type Conf struct {
	Allow         NodeSet // where processes of this node may go; empty: anywhere
	Deny          NodeSet // where they may not, whatever Allow says
	RootOK        NodeSet // where processes with uid 0 or capabilities may go
	Guests        Guests
	CageFull      bool // cage full: no guest in a weaker cage
	Grace         time.Duration
	Balance       bool
	DFSA          []string // path prefixes that are the same on all nodes
	MFS           bool
	MFSDir        string
	Speed         uint32 // 0: measure it; 10000 is the standard
	MemoryReserve uint64 // bytes that guests must leave free
	Web           string // address of the pages, empty: none
	Metrics       string // address of the metrics, empty: none
	Cache         string // directory of the page cache and of checkpoints, empty: the default
}

// Guests says whose processes this node takes in.
type Guests struct {
	None bool
	Uids Ranges // empty: everybody's, unless None
}

// Admits says whether guests of this uid (at their home) are taken in.
func (g Guests) Admits(uid int) bool {
	switch {
	case g.None || uid < 0 || int64(uid) > maxUid:
		return false
	case g.Uids.Empty():
		return true
	}
	return g.Uids.Contains(uint32(uid))
}

// maxUid is the greatest uid: 1<<32-1 means "no change" to the kernel.
const maxUid = 1<<32 - 2

// DefaultConf is what holds where mosix.conf says nothing.
func DefaultConf() Conf { return Conf{Grace: 30 * time.Second, Balance: true} }

// Permits says whether a process may go to a node; privileged is one with uid 0
// or capabilities. The error is the reason in words.
func (c Conf) Permits(node wire.NodeID, privileged bool) error {
	switch {
	case c.Deny.Contains(node):
		return fmt.Errorf("node %d is denied in %s", node, ConfName)
	case !c.Allow.Empty() && !c.Allow.Contains(node):
		return fmt.Errorf("node %d is not among the allowed ones (%s) in %s", node, c.Allow, ConfName)
	case privileged && !c.RootOK.Contains(node):
		return fmt.Errorf("the process has root's rights and node %d is not root-ok in %s", node, ConfName)
	}
	return nil
}

// LoadConf reads mosix.conf of every directory of the environment; what a later
// one says about a key takes the place of what an earlier one said. No file at
// all is the same as an empty one.
func (e Env) LoadConf() (Conf, error) {
	conf := DefaultConf()
	for _, dir := range e.ConfigDirs() {
		path := filepath.Join(dir, ConfName)
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return conf, fmt.Errorf("configuration: %w", err)
		}
		err = conf.Read(path, f)
		f.Close()
		if err != nil {
			return conf, err
		}
	}
	return conf, nil
}

// Read takes over what the text says; name stands in errors. After an error the
// configuration is as it was.
func (c *Conf) Read(name string, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxConfSize+1))
	if err != nil {
		return fmt.Errorf("configuration %s: %w", name, err)
	}
	if len(text) > maxConfSize {
		return fmt.Errorf("configuration %s: larger than %d bytes", name, maxConfSize)
	}
	next := *c
	seen := make(map[string]int)
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, maxConfSize+1)
	for n := 1; scanner.Scan(); n++ {
		if err := next.line(scanner.Text(), n, seen); err != nil {
			return lineError(name, n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("configuration %s: %w", name, err)
	}
	*c = next
	return nil
}

// line takes one line; seen has the line in which each key stood first.
func (c *Conf) line(text string, n int, seen map[string]int) error {
	text = strings.TrimSpace(withoutComment(text))
	if text == "" {
		return nil
	}
	key, value := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		key, value = text[:i], strings.TrimSpace(text[i:])
	}
	k, ok := confKeys[key]
	if !ok {
		return fmt.Errorf("unknown key %.40q", key)
	}
	if value == "" {
		return fmt.Errorf("%s has no value", key)
	}
	before, again := seen[key]
	if again && !k.many {
		return fmt.Errorf("%s stands in line %d already", key, before)
	}
	if !again {
		seen[key] = n
	}
	if err := k.set(c, value, again); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// withoutComment cuts the line at a # that begins a word: one within a word may
// belong to a path.
func withoutComment(text string) string {
	for i := range len(text) {
		if text[i] == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			return text[:i]
		}
	}
	return text
}
