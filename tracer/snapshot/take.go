package snapshot

import (
	"fmt"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Take makes the image of a stopped process, without the contents of its memory.
// Every task has been through Settle. The process is left as it was.
func Take(s *Subject) (*image.Image, error) {
	img, err := s.take()
	if err != nil {
		return nil, fmt.Errorf("take image of pid %d: %w", s.Pid, err)
	}
	return img, nil
}

func (s *Subject) take() (*image.Image, error) {
	areas, err := s.areas, error(nil)
	if s.areas = nil; areas == nil {
		areas, err = tracer.ReadAreas(s.LocalPid)
	}
	if err != nil {
		return nil, err
	}
	img := &image.Image{Version: image.Version}
	if img.Mappings, img.Files, err = s.mappings(areas); err != nil {
		return nil, err
	}
	if err := s.takeProcess(areas, &img.Process); err != nil {
		return nil, err
	}
	if err := s.takeSignals(&img.Signals); err != nil {
		return nil, err
	}
	if img.Limits, err = s.takeLimits(); err != nil {
		return nil, err
	}
	if img.Guards, err = s.takeGuards(img); err != nil {
		return nil, err
	}
	if err := s.takeResident(img); err != nil {
		return nil, err
	}
	img.Tasks = make([]image.Task, len(s.Tasks))
	for i, k := range s.Tasks {
		if err := s.takeTask(k, &img.Tasks[i]); err != nil {
			return nil, fmt.Errorf("task %d: %w", k.Tid, err)
		}
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	return img, img.Validate()
}

func (s *Subject) takeProcess(areas []tracer.Area, p *image.Process) (err error) {
	p.Pid, p.Window = s.Pid, s.Window
	if p.Comm, err = readComm(s.LocalPid, s.LocalPid); err != nil {
		return err
	}
	st, err := readStatus(s.LocalPid)
	if err != nil {
		return err
	}
	p.Uid = st.realUID
	if p.Personality, err = readPersonality(s.LocalPid); err != nil {
		return err
	}
	if p.Layout, err = readLayout(s.LocalPid); err != nil {
		return err
	}
	if err := s.takeBrk(&p.Layout); err != nil {
		return err
	}
	if p.Auxv, err = readAuxv(s.LocalPid); err != nil {
		return err
	}
	if err := s.takeClock(&p.Clock); err != nil {
		return err
	}
	if err := s.takeBarriers(&p.Barriers); err != nil {
		return err
	}
	if err := s.takeUsed(s.Caller, unix.RUSAGE_SELF, &p.Away); err != nil {
		return err
	}
	if s.Origin != nil {
		p.Uid, p.Vdso, p.CPU = s.Origin.Uid, s.Origin.Vdso, s.Origin.CPU
		return nil
	}
	p.CPU = LocalCPU()
	p.Vdso, err = s.takeVdso(areas)
	return err
}

func (s *Subject) takeBrk(l *image.Layout) error {
	return s.enqueue(s.Caller, func(ret int64) error {
		l.Brk = abi.Addr(ret)
		return s.failure("brk", ret)
	}, unix.SYS_BRK, 0)
}

// takeClock asks the process: it may live in a time namespace.
func (s *Subject) takeClock(c *image.Clock) error {
	for clock, to := range map[uint64]*int64{unix.CLOCK_MONOTONIC: &c.Monotonic, unix.CLOCK_BOOTTIME: &c.Boottime} {
		err := s.askLater(s.Caller, "clock_gettime", unix.SYS_CLOCK_GETTIME, 16, func(at uint64) []uint64 { return []uint64{clock, at} },
			func(b []byte) { *to = int64(word(b, 0))*1e9 + int64(word(b, 8)) })
		if err != nil {
			return err
		}
	}
	return nil
}

func hashOf(b []byte) [32]byte { return blake3.Sum256(b) }

// takeVdso reads the kernel's own block and its code.
func (s *Subject) takeVdso(areas []tracer.Area) (v image.Vdso, err error) {
	for _, a := range areas {
		switch a.Path {
		case "[vvar]", "[vvar_vclock]":
			if v.Start == 0 {
				v.Start = a.Start
			}
		case "[vdso]":
			v.Code, v.End = a.Start, a.End
		}
	}
	if v.Code == 0 {
		return image.Vdso{}, nil
	}
	if v.Start == 0 {
		v.Start = v.Code
	}
	v.Bytes = make([]byte, v.End-v.Code)
	if _, err := s.Mem.ReadAt(v.Bytes, v.Code); err != nil {
		return v, fmt.Errorf("vdso: %w", err)
	}
	v.Hash = hashOf(v.Bytes)
	return v, nil
}

func (s *Subject) takeSignals(g *image.Signals) (err error) {
	if err := s.takeActions(&g.Actions); err != nil {
		return err
	}
	g.Pending, err = pending(s.Leader, true)
	return err
}

// takeActions asks for the action of every signal that /proc/PID/status shows as
// ignored or caught. SIGCHLD's matters even where it is the default, because of
// SA_NOCLDWAIT and SA_NOCLDSTOP.
func (s *Subject) takeActions(all *[65][]byte) error {
	st, err := readStatus(s.LocalPid)
	if err != nil {
		return err
	}
	for sig := 1; sig <= 64; sig++ {
		if (st.ignored|st.caught)>>(sig-1)&1 == 0 && sig != int(unix.SIGCHLD) {
			continue
		}
		if err := s.takeAction(sig, &all[sig]); err != nil {
			return err
		}
	}
	return nil
}

// takeAction asks for the kernel's struct sigaction of a signal; nil is the default.
func (s *Subject) takeAction(sig int, to *[]byte) error {
	return s.askLater(s.Caller, "rt_sigaction", unix.SYS_RT_SIGACTION, sigactionSize,
		func(at uint64) []uint64 { return []uint64{uint64(sig), 0, at, 8} },
		func(b []byte) {
			if !allZero(b) {
				*to = b
			}
		})
}

// sigactionSize is the size of the kernel's struct sigaction on x86-64: handler,
// flags, restorer, mask.
const sigactionSize = 32

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func pending(k *tracer.Task, shared bool) ([][]byte, error) {
	queue, err := k.PeekPending(shared)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for i := range queue {
		out = append(out, queue[i][:])
	}
	return out, nil
}

// resources is RLIM_NLIMITS.
const resources = 16

func (s *Subject) takeLimits() ([]image.Limit, error) {
	var all []image.Limit
	for r := range resources {
		var l unix.Rlimit
		if err := unix.Prlimit(int(s.LocalPid), r, nil, &l); err != nil {
			return nil, fmt.Errorf("limit %d: %w", r, err)
		}
		all = append(all, image.Limit{Resource: r, Soft: l.Cur, Hard: l.Max})
	}
	return all, nil
}

// takeGuards finds the guard pages in anonymous memory, where the kernel can show them.
func (s *Subject) takeGuards(img *image.Image) ([]image.Run, error) {
	if !guards() {
		return nil, nil
	}
	pages, err := openPagemap(s.LocalPid)
	if err != nil {
		return nil, err
	}
	defer pages.close()
	var runs []image.Run
	for i := range img.Mappings {
		m := &img.Mappings[i]
		err := pages.each(wantedSpan(m), pageFilter{anyOf: pageGuard}, func(g span) error {
			runs = append(runs, image.Run{Addr: g.start, Pages: uint32(g.len() / abi.PageSize)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return runs, nil
}
