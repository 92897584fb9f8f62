package cage

import (
	"testing"
	"time"
)

func TestDoctor(t *testing.T) {
	began := time.Now()
	checks := Doctor()
	t.Logf("%v\n%+v", time.Since(began), checks)
	seen := map[string]bool{}
	for _, c := range checks {
		if c.Name == "" || c.Result == "" || c.Why == "" {
			t.Errorf("incomplete check: %+v", c)
		}
		if seen[c.Name] {
			t.Errorf("two checks are named %s", c.Name)
		}
		seen[c.Name] = true
	}
	if !seen["pid range"] {
		t.Error("no cage could be built")
	}
}
