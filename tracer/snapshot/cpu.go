package snapshot

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"

	"umosix/tracer/image"
)

// The order of image.CPU.Features. Words are only ever added.
const (
	leaf1ecx = iota
	leaf1edx
	leaf7ebx
	leaf7ecx
	leaf7edx
	leaf71eax
	extended1ecx
	extended1edx
	xsaveEax
	hwcap2
	featureWords
)

// LocalCPU says what a program may learn of the processor of this machine.
var LocalCPU = sync.OnceValue(readCPU)

func readCPU() image.CPU {
	f := make([]uint32, featureWords)
	top, _, _, _ := cpuid(0, 0)
	_, _, f[leaf1ecx], f[leaf1edx] = cpuid(1, 0)
	var sub uint32
	if top >= 7 {
		sub, f[leaf7ebx], f[leaf7ecx], f[leaf7edx] = cpuid(7, 0)
	}
	if sub >= 1 {
		f[leaf71eax], _, _, _ = cpuid(7, 1)
	}
	if high, _, _, _ := cpuid(0x80000000, 0); high >= 0x80000001 {
		_, _, f[extended1ecx], f[extended1edx] = cpuid(0x80000001, 0)
	}
	f[hwcap2] = uint32(ownAux(26)) // AT_HWCAP2
	cpu := image.CPU{Features: f}
	const osxsave = 1 << 27
	if f[leaf1ecx]&osxsave != 0 && top >= 0xd {
		low, high := xgetbv()
		cpu.XCR0 = uint64(high)<<32 | uint64(low)
		_, cpu.XsaveLen, _, _ = cpuid(0xd, 0)
		f[xsaveEax], _, _, _ = cpuid(0xd, 1)
	}
	return cpu
}

// ownAux is a value of this program's auxiliary vector, or 0.
func ownAux(key uint64) uint64 {
	b, _ := os.ReadFile("/proc/self/auxv")
	for ; len(b) >= 16; b = b[16:] {
		if binary.LittleEndian.Uint64(b) == key {
			return binary.LittleEndian.Uint64(b[8:])
		}
	}
	return 0
}

// Compatible tells whether a process that has come to know the processor home
// can go on at the processor here. The error names what is missing. Features
// that only make code faster do not count.
func Compatible(home, here image.CPU) error {
	if home.XsaveLen != here.XsaveLen {
		return fmt.Errorf("the processor's XSAVE area has %d bytes, the program expects %d", here.XsaveLen, home.XsaveLen)
	}
	if missing := home.XCR0 &^ here.XCR0; missing != 0 {
		return fmt.Errorf("the processor lacks register sets %#x", missing)
	}
	var missing []string
	for _, f := range instructions {
		if has(home, f) && !has(here, f) {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the processor lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

func has(c image.CPU, f feature) bool {
	return f.word < len(c.Features) && c.Features[f.word]>>f.bit&1 != 0
}

// feature is a bit of CPUID that programs test before they use an instruction.
type feature struct {
	word int
	bit  uint
	name string
}

// instructions are the features whose absence makes an instruction fault, or do
// something else.
var instructions = []feature{
	{leaf1ecx, 0, "sse3"}, {leaf1ecx, 1, "pclmulqdq"}, {leaf1ecx, 9, "ssse3"}, {leaf1ecx, 12, "fma"},
	{leaf1ecx, 13, "cx16"}, {leaf1ecx, 19, "sse4.1"}, {leaf1ecx, 20, "sse4.2"}, {leaf1ecx, 22, "movbe"},
	{leaf1ecx, 23, "popcnt"}, {leaf1ecx, 25, "aes"}, {leaf1ecx, 26, "xsave"}, {leaf1ecx, 27, "osxsave"},
	{leaf1ecx, 28, "avx"}, {leaf1ecx, 29, "f16c"}, {leaf1ecx, 30, "rdrand"},
	{leaf7ebx, 0, "fsgsbase"}, {leaf7ebx, 3, "bmi1"}, {leaf7ebx, 5, "avx2"},
	{leaf7ebx, 8, "bmi2"}, {leaf7ebx, 11, "rtm"}, {leaf7ebx, 16, "avx512f"}, {leaf7ebx, 17, "avx512dq"},
	{leaf7ebx, 18, "rdseed"}, {leaf7ebx, 19, "adx"}, {leaf7ebx, 21, "avx512ifma"}, {leaf7ebx, 23, "clflushopt"},
	{leaf7ebx, 24, "clwb"}, {leaf7ebx, 26, "avx512pf"}, {leaf7ebx, 27, "avx512er"}, {leaf7ebx, 28, "avx512cd"},
	{leaf7ebx, 29, "sha"}, {leaf7ebx, 30, "avx512bw"}, {leaf7ebx, 31, "avx512vl"},
	{leaf7ecx, 1, "avx512vbmi"}, {leaf7ecx, 4, "ospke"}, {leaf7ecx, 5, "waitpkg"}, {leaf7ecx, 6, "avx512vbmi2"},
	{leaf7ecx, 8, "gfni"}, {leaf7ecx, 9, "vaes"}, {leaf7ecx, 10, "vpclmulqdq"}, {leaf7ecx, 11, "avx512vnni"},
	{leaf7ecx, 12, "avx512bitalg"}, {leaf7ecx, 14, "avx512vpopcntdq"}, {leaf7ecx, 22, "rdpid"},
	{leaf7ecx, 27, "movdiri"}, {leaf7ecx, 28, "movdir64b"},
	{leaf7edx, 2, "avx512_4vnniw"}, {leaf7edx, 3, "avx512_4fmaps"}, {leaf7edx, 8, "avx512vp2intersect"},
	{leaf7edx, 14, "serialize"}, {leaf7edx, 22, "amx-bf16"}, {leaf7edx, 23, "avx512fp16"},
	{leaf7edx, 24, "amx-tile"}, {leaf7edx, 25, "amx-int8"},
	{leaf71eax, 0, "sha512"}, {leaf71eax, 1, "sm3"}, {leaf71eax, 2, "sm4"}, {leaf71eax, 4, "avx-vnni"},
	{leaf71eax, 5, "avx512bf16"}, {leaf71eax, 21, "amx-fp16"}, {leaf71eax, 23, "avx-ifma"},
	{extended1ecx, 0, "lahf"}, {extended1ecx, 5, "lzcnt"}, {extended1ecx, 6, "sse4a"},
	{extended1ecx, 11, "xop"}, {extended1ecx, 16, "fma4"}, {extended1ecx, 21, "tbm"}, {extended1ecx, 29, "monitorx"},
	{extended1edx, 27, "rdtscp"}, {extended1edx, 30, "3dnowext"}, {extended1edx, 31, "3dnow"},
	{xsaveEax, 0, "xsaveopt"}, {xsaveEax, 1, "xsavec"}, {xsaveEax, 2, "xgetbv1"},
	{hwcap2, 0, "ring3mwait"}, {hwcap2, 1, "fsgsbase"},
}
