package host

import "testing"

func TestUidsOfExecutors(t *testing.T) {
	h := New(Config{Uid: 0})
	defer h.Close()
	if !h.separates() {
		t.Skip("this machine has no uids for executors")
	}
	first, second := h.takeUid(), h.takeUid()
	if first == second || first < FirstUid || first >= FirstUid+UidCount {
		t.Errorf("uids %d and %d", first, second)
	}
	h.cfg.Uid = 1000
	if uid := h.takeUid(); uid != 0 {
		t.Errorf("uid %d under a user's mosd", uid)
	}
}

// TestUidsOfContainers looks at maps of ids as containers have them.
func TestUidsOfContainers(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n":        true,
		"0 1000 1\n":                                false,
		"0 100000 65536\n":                          false,
		"0 1000 1\n1 100000 65536\n":                false,
		"0 1000 1\n2000000000 2000000000 1048576\n": true,
		"0 1000 1\n2000000000 2000000000 1048575\n": false,
		"": false,
	} {
		if got := mapsUids(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
