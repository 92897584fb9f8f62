package snapshot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// archMapVdso64 is ARCH_MAP_VDSO_64 of arch_prctl: the kernel maps its own block,
// [vvar] first, at an address, if the process has none (CONFIG_CHECKPOINT_RESTORE).
const archMapVdso64 = 0x2003

// sameVdso tells whether two kernels' blocks are laid out alike and hold the same code.
func sameVdso(a, b image.Vdso) bool {
	return a.Hash == b.Hash && a.Code-a.Start == b.Code-b.Start && a.End-a.Code == b.End-b.Code
}

// vdsoPlan is what happens to the kernel's own block in a rebuild.
type vdsoPlan struct {
	keep    bool // it is the wanted one at the wanted place
	natural bool // it is the wanted one at another place
}

func (s *Subject) planVdso(areas []tracer.Area, want image.Vdso) (vdsoPlan, error) {
	own, err := s.takeVdso(areas)
	if err != nil || own.Start == 0 || want.Start == 0 {
		return vdsoPlan{keep: own.Start == want.Start}, err
	}
	same := sameVdso(own, want)
	return vdsoPlan{keep: same && own.Start == want.Start, natural: same}, nil
}

// placeVdso gives the process its vdso after the kernel's own block was unmapped:
// the kernel's, moved, or else the code that the program knows with every
// function made a plain system call. In either those that show the wall clock lead
// to ours where that of the node is not home's.
func (s *Subject) placeVdso(p vdsoPlan, want image.Vdso) error {
	if want.Start == 0 {
		return nil
	}
	if !p.keep && !(p.natural && s.mapVdso(want)) {
		if err := s.copyVdso(want); err != nil {
			return err
		}
	}
	return s.leadToWall(want)
}

// leadToWall has the vdso's functions for the wall clock jump to ours.
func (s *Subject) leadToWall(v image.Vdso) error {
	if s.WallFunction == nil {
		return nil
	}
	return eachFunction(v.Bytes, func(name string, at uint64) error {
		to, ok := s.WallFunction(name)
		if !ok {
			return nil
		}
		if _, err := s.Mem.ForceWrite(jumpStub(to), v.Code+abi.Addr(at)); err != nil {
			return fmt.Errorf("vdso: %s: %w", name, err)
		}
		return nil
	})
}

// LeaveVdso takes a stopped program to the entry of a function of its vdso, if it stands
// in a stub there, which is other code elsewhere, or has come from one into the function
// that in names (tracer.Loop, LeaveWall). All of these functions can be begun again. It
// reports whether the program stood in one.
func LeaveVdso(r *tracer.Regs, m *tracer.Memory, v *image.Vdso, in string) (left bool) {
	_ = eachFunction(v.Bytes, func(name string, at uint64) error { // Prepare has read it
		entry := v.Code + abi.Addr(at)
		if name == in || r.PC() > entry && r.PC() < entry+maxStub && isStub(m, entry, name, r.PC()) {
			r.Rip, left = uint64(entry), true
			r.LeaveSyscall()
		}
		return nil
	})
	return left
}

// isStub tells whether a function of the vdso has become a stub that reaches to an address.
func isStub(m *tracer.Memory, entry abi.Addr, name string, pc abi.Addr) bool {
	code := make([]byte, maxStub)
	if _, err := m.ReadAt(code, entry); err != nil {
		return false
	}
	for _, stub := range [][]byte{callStub(vdsoCalls[name]), noCall, jumpStub(0)[:2]} {
		if size := abi.Addr(len(stub)); bytes.HasPrefix(code, stub) && (size == 2 || pc < entry+size) {
			return true
		}
	}
	return false
}

// mapVdso has the kernel map its block. It takes the address as a hint, so what
// it has done must be looked at.
func (s *Subject) mapVdso(want image.Vdso) bool {
	ret, err := s.raw(s.Caller, unix.SYS_ARCH_PRCTL, archMapVdso64, uint64(want.Start))
	if err != nil || ret < 0 {
		return false
	}
	areas, err := tracer.ReadAreasQuick(s.LocalPid)
	if err != nil {
		return false
	}
	got, err := s.takeVdso(areas)
	if err != nil || got.Start == 0 {
		return false
	}
	if got.Start == want.Start && sameVdso(got, want) {
		return true
	}
	s.raw(s.Caller, unix.SYS_MUNMAP, uint64(got.Start), uint64(got.End-got.Start))
	return false
}

// copyVdso maps the code as ordinary memory, without the kernel's variables.
func (s *Subject) copyVdso(want image.Vdso) error {
	code, err := plainVdso(want.Bytes)
	if err != nil {
		return fmt.Errorf("vdso: %w", err)
	}
	size := uint64(len(code))
	flags := uint64(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED_NOREPLACE)
	if _, err := s.call("mmap of the vdso", unix.SYS_MMAP, uint64(want.Code), size, unix.PROT_READ|unix.PROT_WRITE, flags, ^uint64(0), 0); err != nil {
		return err
	}
	if _, err := s.Mem.WriteAt(code, want.Code); err != nil {
		return fmt.Errorf("vdso: %w", err)
	}
	_, err = s.call("mprotect of the vdso", unix.SYS_MPROTECT, uint64(want.Code), size, unix.PROT_READ|unix.PROT_EXEC)
	return err
}

// vdsoCalls are the functions of the vdso (man vdso) that a system call replaces.
var vdsoCalls = map[string]uint32{
	"__vdso_clock_gettime": unix.SYS_CLOCK_GETTIME,
	"__vdso_gettimeofday":  unix.SYS_GETTIMEOFDAY,
	"__vdso_time":          unix.SYS_TIME,
	"__vdso_clock_getres":  unix.SYS_CLOCK_GETRES,
	"__vdso_getcpu":        unix.SYS_GETCPU,
}

// hideCPU makes a system call of the function that tells on which processor the caller
// runs: whoever traces the process answers it.
func (s *Subject) hideCPU(v *image.Vdso) error {
	if v.Start == 0 {
		return nil
	}
	return eachFunction(v.Bytes, func(name string, at uint64) error {
		if name != "__vdso_getcpu" {
			return nil
		}
		_, err := s.Mem.ForceWrite(callStub(vdsoCalls[name]), v.Code+abi.Addr(at))
		return err
	})
}

// plainVdso returns the code with a system call at the entry of each function.
// Those that are none (getrandom keeps state in memory of its own, and promises
// that its caller falls back) return -ENOSYS.
func plainVdso(code []byte) ([]byte, error) {
	plain := bytes.Clone(code)
	return plain, eachFunction(code, func(name string, at uint64) error {
		stub := noCall
		if nr, known := vdsoCalls[name]; known {
			stub = callStub(nr)
		}
		copy(plain[at:], stub)
		return nil
	})
}

// eachFunction shows every function of a vdso, an alias by its full name, and where in the
// code it begins; there is room for a stub.
func eachFunction(code []byte, show func(name string, at uint64) error) error {
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	for _, sym := range symbols {
		if elf.ST_TYPE(sym.Info) != elf.STT_FUNC || sym.Section == elf.SHN_UNDEF {
			continue
		}
		if sym.Value+maxStub > uint64(len(code)) {
			return fmt.Errorf("%s lies at %#x", sym.Name, sym.Value)
		}
		if err := show(canonical(sym.Name), sym.Value); err != nil {
			return err
		}
	}
	return nil
}

// canonical adds the prefix to the names that are aliases.
func canonical(name string) string {
	const prefix = "__vdso_"
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		return name
	}
	return prefix + name
}

// callStub is  mov $nr,%eax; syscall; ret.
func callStub(nr uint32) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0xb8}, nr), 0x0f, 0x05, 0xc3)
}

// jumpStub is  mov $to,%rax; jmp *%rax.
func jumpStub(to abi.Addr) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte{0x48, 0xb8}, uint64(to)), 0xff, 0xe0)
}

// maxStub is the size of the longest of them, in bytes.
const maxStub = 12

// noCall is  mov $-ENOSYS,%rax; ret.
var noCall = []byte{0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3}
