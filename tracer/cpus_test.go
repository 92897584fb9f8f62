package tracer

import (
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"umosix/tracer/abi"
)

// TestNear has a process work beside the thread, which leaves the processors of both as
// they were, but for what somebody else chooses meanwhile.
func TestNear(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("there is one processor")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	other := exec.Command("sleep", "86400")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	pid := abi.LocalPid(other.Process.Pid)
	has := func(tid abi.LocalPid, what string, want abi.CPUSet) {
		t.Helper()
		if got, err := Affinity(tid); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v on %v (%v), want %v", what, tid, got, err, want)
		}
	}
	all, err := Affinity(pid)
	if err != nil {
		t.Fatal(err)
	}
	apart := Near(pid)
	here, err := Affinity(0)
	if err != nil || here.Within(abi.CPUSet{}) || all.Within(here) {
		t.Errorf("the thread is on %v of %v (%v)", here, all, err)
	}
	has(pid, "near", here)
	apart()
	has(pid, "apart", all)
	has(0, "apart", all)

	chosen := abi.CPUSetOf(1)
	apart = Near(pid)
	if near, _ := Affinity(pid); slices.Equal(near, chosen) {
		chosen = abi.CPUSetOf(0)
	}
	if err := SetAffinity(pid, chosen); err != nil {
		t.Fatal(err)
	}
	apart()
	has(pid, "chosen meanwhile", chosen)
	Near(pid)()
	has(pid, "chosen before", chosen)
}
