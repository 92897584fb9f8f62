package harness

import (
	"os/exec"
	"testing"
)

// KeepBusy computes in that many processes until the test ends, or this process. They
// belong to no node.
func KeepBusy(t testing.TB, processes int) {
	t.Helper()
	for range processes {
		loop := exec.Command("sh", "-c", "while kill -0 $PPID; do :; done")
		loop.Env = []string{} // without the name of this run
		if err := startOwned(loop); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = loop.Process.Kill()
			_ = loop.Wait() // killed
			disown(loop.Process.Pid)
		})
	}
}
