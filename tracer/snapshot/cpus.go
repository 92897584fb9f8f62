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
// them all. It never fails: where a task runs changes no result.
func Bind(tid abi.LocalPid, chosen, all abi.CPUSet) {
	here, err := tracer.Affinity(0)
	if err != nil || chosen.Empty() {
		return
	}
	if !all.Within(chosen) {
		here = chosen.On(here)
	}
	_ = tracer.SetAffinity(tid, here)
}

// Numbered tells whether a task can only run on processors whose numbers are among
// those that it has chosen: then it may be told on which it runs.
func Numbered(tid abi.LocalPid, chosen abi.CPUSet) bool {
	now, err := tracer.Affinity(tid)
	return chosen.Empty() || err == nil && now.Within(chosen)
}

// bind places a task of a guest, and tells whether it may know where it runs.
func (s *Subject) bind(k *tracer.Task, t *image.Task, all abi.CPUSet) bool {
	if !s.away() {
		return true
	}
	Bind(k.Tid, t.CPUs, all)
	return Numbered(k.Tid, t.CPUs)
}

// Offered tells whether a task of a guest here that chooses processors among all those
// of its home gets none but these.
func Offered(chosen, all abi.CPUSet) bool {
	here, err := tracer.Affinity(0)
	return err == nil && (chosen.Within(here) || all.Within(chosen) && here.Within(chosen))
}
