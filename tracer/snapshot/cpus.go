package snapshot

import (
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// TakeCPUs puts into the image of a process of this machine on which processors its
// tasks may run, and which they could choose from.
func TakeCPUs(img *image.Image) error {
	all, err := tracer.AllCPUs()
	if err != nil {
		return err
	}
	img.Process.CPUs = all
	for i := range img.Tasks {
		t := &img.Tasks[i]
		if t.CPUs, err = tracer.Affinity(abi.LocalPid(t.Tid)); err != nil {
			return err
		}
	}
	return nil
}

// Bind has a task of a guest run on the processors that it has chosen among all those
// of its home, as far as this program may use them. One that has not chosen may use
// them all, and so may one of which it is not known. It never fails: where a task runs
// changes no result.
func Bind(tid abi.LocalPid, chosen, all abi.CPUSet) {
	if here := places(chosen, all); !here.Empty() {
		_ = tracer.SetAffinity(tid, here)
	}
}

// places are the processors for Bind.
func places(chosen, all abi.CPUSet) abi.CPUSet {
	here, err := tracer.OwnCPUs()
	if err != nil || chosen.Empty() || all.Within(chosen) {
		return here
	}
	return chosen.On(here)
}

// Numbered tells whether Bind leaves a task only processors whose numbers are among
// those that it has chosen: then it may be told on which it runs.
func Numbered(chosen, all abi.CPUSet) bool {
	here := places(chosen, all)
	return chosen.Empty() || !here.Empty() && here.Within(chosen)
}

// Offered tells whether a task of a guest here that chooses processors among all those
// of its home gets none but these.
func Offered(chosen, all abi.CPUSet) bool {
	here, err := tracer.OwnCPUs()
	return err == nil && (chosen.Within(here) || all.Within(chosen) && here.Within(chosen))
}
