package snapshot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
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
// function made a plain system call.
func (s *Subject) placeVdso(p vdsoPlan, want image.Vdso) error {
	if p.keep || want.Start == 0 {
		return nil
	}
	if p.natural && s.mapVdso(want) {
		return nil
	}
	return s.copyVdso(want)
}

// mapVdso has the kernel map its block. It takes the address as a hint, so what
// it has done must be looked at.
func (s *Subject) mapVdso(want image.Vdso) bool {
	ret, err := s.Caller.Call(unix.SYS_ARCH_PRCTL, archMapVdso64, uint64(want.Start))
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
	s.Caller.Call(unix.SYS_MUNMAP, uint64(got.Start), uint64(got.End-got.Start))
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

// plainVdso returns the code with a system call at the entry of each function.
// Those that are none (getrandom keeps state in memory of its own, and promises
// that its caller falls back) return -ENOSYS.
func plainVdso(code []byte) ([]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return nil, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	plain := bytes.Clone(code)
	for _, sym := range symbols {
		if elf.ST_TYPE(sym.Info) != elf.STT_FUNC || sym.Section == elf.SHN_UNDEF {
			continue
		}
		stub := noCall
		if nr, known := vdsoCalls[canonical(sym.Name)]; known {
			stub = callStub(nr)
		}
		if sym.Value+uint64(len(stub)) > uint64(len(plain)) {
			return nil, fmt.Errorf("%s lies at %#x", sym.Name, sym.Value)
		}
		copy(plain[sym.Value:], stub)
	}
	return plain, nil
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

// noCall is  mov $-ENOSYS,%rax; ret.
var noCall = []byte{0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3}
