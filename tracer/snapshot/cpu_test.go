package snapshot

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

func TestCompatible(t *testing.T) {
	here := LocalCPU()
	if here.XCR0&3 != 3 || here.XsaveLen < minimalXsave {
		t.Fatalf("%+v", here)
	}
	if err := Compatible(here, here); err != nil {
		t.Fatal(err)
	}
	less := here
	less.Features = slices.Clone(here.Features)
	less.Features[leaf1ecx] &^= 1 << 23
	if err := Compatible(here, less); err == nil || !strings.Contains(err.Error(), "popcnt") {
		t.Errorf("without popcnt: %v", err)
	}
	less.Features = here.Features[:1]
	if Compatible(here, less) == nil {
		t.Error("a processor of which nothing is known passes")
	}
	if err := Compatible(less, here); err != nil {
		t.Errorf("more features: %v", err)
	}
	smaller := here
	smaller.XsaveLen -= 64
	if Compatible(here, smaller) == nil || Compatible(smaller, here) == nil {
		t.Error("another size of the XSAVE area passes")
	}
}

const minimalXsave = 576

// Every feature that /proc/cpuinfo shows under a name of ours is set.
func TestFeaturesMatchCpuinfo(t *testing.T) {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "flags")
	line, _, _ := strings.Cut(rest, "\n")
	flags := strings.Fields(line)
	names := map[string]string{"sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "pclmulqdq": "pclmulqdq"}
	seen := 0
	for _, f := range instructions {
		name := f.name
		if other, ok := names[name]; ok {
			name = other
		}
		if slices.Contains(flags, name) {
			seen++
			if f.word != hwcap2 && !has(LocalCPU(), f) {
				t.Errorf("%s is not seen", f.name)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d features only", seen)
	}
}

func TestFitXstate(t *testing.T) {
	here := image.CPU{XCR0: 0xe7, XsaveLen: 2432}
	x := make([]byte, 2432)
	x[xstateBV] = 7
	for i := 576; i < xstateFixed; i++ {
		x[i] = byte(i)
	}
	if same, err := fitXstate(x, here, here); err != nil || &same[0] != &x[0] {
		t.Errorf("the same processor: %v", err)
	}
	small := image.CPU{XCR0: 7, XsaveLen: 832}
	got, err := fitXstate(x, here, small)
	if err != nil || len(got) != 832 || !bytes.Equal(got[576:], x[576:832]) || got[xstateMask] != 7 {
		t.Errorf("smaller: %v", err)
	}
	x[xstateBV] = 0xe7
	if _, err := fitXstate(x, here, small); err == nil {
		t.Error("registers in use are dropped")
	}
	x[xstateBV] = 7
	if _, err := fitXstate(x, here, image.CPU{XCR0: 3, XsaveLen: 576}); err == nil {
		t.Error("AVX in use is dropped")
	}
}

// Without PAGEMAP_SCAN the same pages are found.
func TestScanWithoutIoctl(t *testing.T) {
	p := start(t, compile(t, "mover"))
	pages, err := openPagemap(p.pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pages.close()
	s := moving(t, p)
	picture := s.shoot(nil)
	for i := range picture.Mappings {
		m := &picture.Mappings[i]
		gather := func(each func(span, pageFilter, func(span) error) error) (all []abi.Addr) {
			f := writtenPages(m)
			f.invert &^= pageZero | pageGuard // which /proc/PID/pagemap does not show
			f.must &^= pageZero | pageGuard
			err := each(wantedSpan(m), f, func(g span) error {
				for at := g.start; at < g.end; at += abi.PageSize {
					all = append(all, at)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		if fast, slow := gather(pages.each), gather(pages.slowly); !slices.Equal(fast, slow) {
			t.Errorf("%#x-%#x %s: %d pages with the ioctl, %d without", m.Start, m.End, m.Name, len(fast), len(slow))
		}
	}
}
