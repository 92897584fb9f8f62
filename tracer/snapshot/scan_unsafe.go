package snapshot

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// The categories of PAGEMAP_SCAN (include/uapi/linux/fs.h).
const (
	pageFile    = 1 << 2
	pagePresent = 1 << 3
	pageSwapped = 1 << 4
	pageZero    = 1 << 5 // PAGE_IS_PFNZERO
	pageGuard   = 1 << 8 // since Linux 6.16
)

// pagemapScan is the ioctl PAGEMAP_SCAN, since Linux 6.7.
const pagemapScan = 0xc0606610

// scanArg is struct pm_scan_arg.
type scanArg struct {
	size, flags, start, end, walkEnd                          uint64
	vec                                                       *pageRegion
	vecLen, maxPages                                          uint64
	categoryInverted, categoryMask, categoryAnyof, returnMask uint64
}

// pageRegion is struct page_region; the categories of its pages are not looked at.
type pageRegion struct{ start, end, _ uint64 }

// pageFilter selects pages: all of must (inverted where invert says so) and any of anyOf.
type pageFilter struct{ invert, must, anyOf uint64 }

// pagemap finds pages of a process without visiting those that do not exist.
type pagemap struct {
	file    *os.File
	fd      uintptr // of file
	regions []pageRegion
	rss     map[abi.Addr]bool // without PAGEMAP_SCAN: the areas that have pages
	pid     abi.LocalPid
}

// openPagemap opens the page map of a process; close it after use.
func openPagemap(pid abi.LocalPid) (*pagemap, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return nil, fmt.Errorf("pages of %d: %w", pid, err)
	}
	return &pagemap{file: f, fd: f.Fd(), regions: make([]pageRegion, 1024), pid: pid}, nil
}

func (p *pagemap) close() { p.file.Close() }

// guards tells whether this kernel can show guard pages.
var guards = sync.OnceValue(func() bool {
	p, err := openPagemap(abi.LocalPid(os.Getpid()))
	if err != nil {
		return false
	}
	defer p.close()
	_, _, err = p.scan(span{0, abi.PageSize}, pageFilter{anyOf: pageGuard})
	return err == nil
})

// scan asks the kernel for the next regions in r and returns them with the
// address where it stopped. The result is valid until the next scan.
func (p *pagemap) scan(r span, f pageFilter) ([]pageRegion, abi.Addr, error) {
	arg := scanArg{start: uint64(r.start), end: uint64(r.end), vec: &p.regions[0], vecLen: uint64(len(p.regions)),
		categoryInverted: f.invert, categoryMask: f.must, categoryAnyof: f.anyOf, returnMask: pagePresent}
	arg.size = uint64(unsafe.Sizeof(arg))
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, p.fd, pagemapScan, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return nil, 0, errno
	}
	return p.regions[:n], abi.Addr(arg.walkEnd), nil
}

// each calls visit for every run of pages in r that f selects, in order.
func (p *pagemap) each(r span, f pageFilter, visit func(span) error) error {
	for at := r.start; at < r.end; {
		found, next, err := p.scan(span{at, r.end}, f)
		if err == unix.ENOTTY || err == unix.EINVAL {
			return p.slowly(span{at, r.end}, f, visit)
		}
		if err != nil {
			return fmt.Errorf("pages of %d at %#x: %w", p.pid, at, err)
		}
		for _, g := range found {
			if err := visit(span{abi.Addr(g.start), abi.Addr(g.end)}); err != nil {
				return err
			}
		}
		if next <= at {
			return nil
		}
		at = next
	}
	return nil
}

// slowly is each for kernels without PAGEMAP_SCAN: it reads /proc/PID/pagemap, in
// areas that have pages only, because an entry is read for every page of the range.
func (p *pagemap) slowly(r span, f pageFilter, visit func(span) error) error {
	if p.rss == nil {
		var err error
		if p.rss, err = populated(p.pid); err != nil {
			return err
		}
	}
	if !p.rss[r.start] {
		return nil
	}
	buf := make([]byte, 64<<10)
	for at := r.start; at < r.end; {
		n := min(len(buf), int(r.len()/abi.PageSize)*8)
		n, err := p.file.ReadAt(buf[:n], int64(at/abi.PageSize*8))
		if err != nil || n < 8 {
			return fmt.Errorf("pages of %d at %#x: %w", p.pid, at, err)
		}
		for off := 0; off+8 <= n && at < r.end; off += 8 {
			if f.selects(binary.LittleEndian.Uint64(buf[off:])) {
				if err := visit(span{at, at + abi.PageSize}); err != nil {
					return err
				}
			}
			at += abi.PageSize
		}
		r.start = at
	}
	return nil
}

// selects applies the filter to an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst).
func (f pageFilter) selects(entry uint64) bool {
	var is uint64
	for bit, category := range map[int]uint64{61: pageFile, 62: pageSwapped, 63: pagePresent} {
		if entry>>bit&1 != 0 {
			is |= category
		}
	}
	return (is^f.invert)&f.must == f.must && (f.anyOf == 0 || is&f.anyOf != 0)
}

// populated tells which areas have pages in memory or in swap, by their start.
func populated(pid abi.LocalPid) (map[abi.Addr]bool, error) {
	b, err := readProc(pid, "smaps")
	if err != nil {
		return nil, fmt.Errorf("pages of %d: %w", pid, err)
	}
	have := map[abi.Addr]bool{}
	var start abi.Addr
	for line := range strings.Lines(string(b)) {
		first, rest, _ := strings.Cut(line, " ")
		if from, _, dash := strings.Cut(first, "-"); dash {
			n, err := strconv.ParseUint(from, 16, 64)
			if err == nil {
				start = abi.Addr(n)
			}
			continue
		}
		if (first == "Rss:" || first == "Swap:") && strings.TrimSpace(rest) != "0 kB" {
			have[start] = true
		}
	}
	return have, nil
}
