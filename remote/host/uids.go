package host

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// The uids of executors under a root mosd: one for each job, which nobody else
// has.
const (
	FirstUid = 2_000_000_000
	UidCount = 1 << 20
)

// separates tells whether executors can have uids of their own: mosd is root, and not
// that of a container without those uids (man user_namespaces).
func (h *Host) separates() bool {
	if h.cfg.Uid != 0 {
		return false
	}
	for _, file := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		if text, err := os.ReadFile(file); err == nil && !mapsUids(string(text)) {
			return false
		}
	}
	return true
}

// mapsUids tells whether a map of ids has those of executors.
func mapsUids(text string) bool {
	for line := range strings.Lines(text) {
		var inside, outside, count uint64
		_, err := fmt.Sscan(line, &inside, &outside, &count)
		if err == nil && inside <= FirstUid && inside+count >= FirstUid+UidCount {
			return true
		}
	}
	return false
}

// takeUid picks a uid that no running executor has; 0 where they have mosd's.
func (h *Host) takeUid() int {
	if !h.separates() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		uid := FirstUid + rand.IntN(UidCount)
		if !h.uids[uid] {
			h.uids[uid] = true
			return uid
		}
	}
}

func (h *Host) giveUid(uid int) {
	h.mu.Lock()
	delete(h.uids, uid)
	h.mu.Unlock()
}
