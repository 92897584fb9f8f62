package equivalence

import (
	"fmt"
	"strings"
	"testing"

	"umosix/tests/harness"
)

// TestTop types keys at mostop: q and Ctrl-C end it and leave the terminal as it was, any
// other key has it look at once.
func TestTop(t *testing.T) {
	n := harness.Start(t, harness.Cluster{Nodes: 1, User: harness.Ordinary}).Node(1)
	for name, ends := range map[string]string{"q": "q", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			s := openStage(t)
			running, err := n.Start(harness.Command{
				Args: []string{"sh", "-c", "trap : INT; mostop -d 86400; echo status $?; stty -a"}, Tty: s.terminal,
			})
			s.terminal.Close()
			if err != nil {
				t.Fatal(err)
			}
			go s.read()
			looks := func(want int) {
				t.Helper()
				err := harness.Poll(actLimit, func() error {
					if got := strings.Count(s.text(), "COMMAND"); got != want {
						return fmt.Errorf("it has looked %d times, not %d: %q", got, want, s.text())
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			looks(1)
			if _, err := s.master.WriteString(" "); err != nil {
				t.Fatal(err)
			}
			looks(2)
			if _, err := s.master.WriteString(ends); err != nil {
				t.Fatal(err)
			}
			r := running.Wait()
			for _, want := range []string{"status 0", " icanon ", " echo "} {
				if !strings.Contains(s.text(), want) {
					t.Errorf("not shown: %q; %v: %q", want, r, s.text())
				}
			}
		})
	}
}
