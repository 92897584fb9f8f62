package abi

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPlanShapes(t *testing.T) {
	var m fake
	buf := m.put(0x10000, make([]byte, 0x1000))
	name := m.put(0x20000, []byte("/etc/passwd\x00rest"))
	m.segments[1].readOnly = true
	cut := m.put(0x31ff0, []byte("no end in sight!"))
	b := func(n uint64) Addr { return Addr(buf + n) }
	tests := []struct {
		name  string
		nr    uint64
		args  [6]uint64
		wants []want
	}{
		{"read", 0, [6]uint64{3, buf, 100}, []want{{b(0), 100, 100, Out, -1, 1, OutRet}}},
		{"write", 1, [6]uint64{3, buf, 100}, []want{{b(0), 100, 100, In, -1, 1, OutNone}}},
		{"read nil", 0, [6]uint64{3, 0, 100}, nil},
		{"read none", 0, [6]uint64{3, buf, 0}, nil},
		{"read past the end", 0, [6]uint64{3, buf + 0xff0, 100}, []want{{b(0xff0), 100, 16, InOut, -1, 1, OutAlways}}},
		{"read nowhere", 0, [6]uint64{3, 8, 100}, []want{{8, 100, 0, InOut, -1, 1, OutAlways}}},
		{"read too much", 0, [6]uint64{3, buf, 1 << 63}, []want{{b(0), MaxRW, 0x1000, InOut, -1, 1, OutAlways}}},
		{"read into text", 0, [6]uint64{3, name, 4}, []want{{Addr(name), 4, 0, InOut, -1, 1, OutAlways}}},
		{"open", 2, [6]uint64{name}, []want{{Addr(name), 12, 12, In, -1, 0, OutNone}}},
		{"open cut", 2, [6]uint64{cut}, []want{{Addr(cut), 17, 16, In, -1, 0, OutNone}}},
		{"open too long", 2, [6]uint64{buf}, []want{{b(0), 1, 1, In, -1, 0, OutNone}}},
		{"fstat", 5, [6]uint64{3, buf}, []want{{b(0), 144, 144, Out, -1, 1, OutAll}}},
		{"poll", 7, [6]uint64{buf, 3, 0}, []want{{b(0), 24, 24, InOut, -1, 0, OutAlways}}},
		{"select", 23, [6]uint64{65, buf, 0, buf + 64, buf + 128}, []want{
			{b(0), 16, 16, InOut, -1, 1, OutAlways}, {b(64), 16, 16, InOut, -1, 3, OutAlways}, {b(128), 16, 16, InOut, -1, 4, OutAlways}}},
		{"select read-only limit", 23, [6]uint64{0, 0, 0, 0, name}, []want{{Addr(name), 16, 16, In, -1, 4, OutNone}}},
		{"epoll_wait", 232, [6]uint64{3, buf, 10, 0}, []want{{b(0), 120, 120, Out, -1, 1, OutRet}}},
		{"epoll_wait refused", 232, [6]uint64{3, buf, 0xffffffff, 0}, nil},
		{"connect", 42, [6]uint64{3, buf, 16}, []want{{b(0), 16, 16, In, -1, 1, OutNone}}},
		{"connect refused", 42, [6]uint64{3, buf, 129}, nil},
		{"accept without room", 43, [6]uint64{3, 0, buf}, []want{{b(0), 4, 4, InOut, -1, 2, OutAlways}}},
		{"msgrcv", 70, [6]uint64{3, buf, 32}, []want{{b(0), 40, 40, Out, -1, 1, OutRet}}},
		{"getgroups", 115, [6]uint64{8, buf}, []want{{b(0), 32, 32, Out, -1, 1, OutRet}}},
		{"TCGETS", 16, [6]uint64{0, 0x5401, buf}, []want{{b(0), 36, 36, InOut, -1, 2, OutAlways}}},
		{"TCSBRK", 16, [6]uint64{0, 0x5409, buf}, nil},
		{"EVIOCGNAME(64)", 16, [6]uint64{0, 0x80404506, buf}, []want{{b(0), 64, 64, InOut, -1, 2, OutAlways}}},
		{"F_SETLKW", 72, [6]uint64{3, 7, buf}, []want{{b(0), 32, 32, In, -1, 2, OutNone}}},
		{"F_DUPFD", 72, [6]uint64{3, 0, buf}, nil},
		{"wait4", 61, [6]uint64{1, buf, 0, buf + 8}, []want{{b(0), 4, 4, InOut, -1, 1, OutAlways}, {b(8), 144, 144, InOut, -1, 3, OutAlways}}},
		{"PR_GET_NAME", 157, [6]uint64{16, buf}, []want{{b(0), 16, 16, Out, -1, 1, OutAll}}},
		{"syslog size", 103, [6]uint64{10, buf, 10}, nil},
		{"recv MSG_TRUNC", 45, [6]uint64{3, buf, 8, 0x20}, []want{{b(0), 8, 8, InOut, -1, 1, OutRet}}},
		{"sched_setattr", 314, [6]uint64{0, buf, 0}, []want{{b(0), 48, 48, InOut, -1, 1, OutAlways}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, row, refusal := Plan(test.nr, test.args, &m)
			if row == nil || refusal != "" || c.Args != test.args || c.Nr != test.nr {
				t.Fatalf("%v, refused: %q, %+v", row, refusal, c)
			}
			checkRegions(t, &c, test.wants)
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	tests := []struct {
		nr   uint64
		args [6]uint64
		want string
	}{
		{999, [6]uint64{}, "unknown system call 999"},
		{350, [6]uint64{}, "unknown system call 350"},
		{16, [6]uint64{0, 0xdeadbeef, 1}, "ioctl: unknown command 0xdeadbeef"},
		{72, [6]uint64{0, 99, 1}, "fcntl: unknown command 99"},
		{0, [6]uint64{0, 4096, 65 << 20}, "read: more than 60 MiB of memory at once"},
		{425, [6]uint64{}, "io_uring_setup: a ring shared with the kernel"},
		{157, [6]uint64{unix.PR_SET_DUMPABLE, 0}, "prctl: "},
		{46, [6]uint64{3, 4096, unix.MSG_ZEROCOPY}, "sendmsg: MSG_ZEROCOPY"},
		{54, [6]uint64{3, unix.SOL_SOCKET, 60, 4096, 4}, "setsockopt: SO_ZEROCOPY"},
	}
	for _, test := range tests {
		_, _, refusal := Plan(test.nr, test.args, everywhere{})
		if !strings.HasPrefix(string(refusal), test.want) {
			t.Errorf("call %d: %q, not %q", test.nr, refusal, test.want)
		}
	}
}

func TestPlanVector(t *testing.T) {
	var m fake
	vec := m.words(0x5000, 0x1000, 10, 0, 7, 0x2000, 0, 0x1ff8, 16)
	m.put(0x1000, make([]byte, 0x1000))
	c, _, refusal := Plan(19, [6]uint64{3, vec, 4}, &m)
	if refusal != "" {
		t.Fatal(refusal)
	}
	checkRegions(t, &c, []want{
		{0x5000, 64, 64, In, -1, 1, OutNone},
		{0x1000, 10, 10, InOut, 0, 0, OutAlways}, // written before the kernel fails
		{0x1ff8, 16, 8, InOut, 0, 48, OutAlways},
	})
	if outs := c.Outs(21, nil); outs[0] != 0 || outs[1] != 10 || outs[2] != 8 {
		t.Errorf("of 21 bytes come back %v", outs)
	}
	for _, ret := range []int64{-4, -512, 0} {
		if outs := c.Outs(ret, nil); outs[1] != 10 || outs[2] != 8 {
			t.Errorf("after %d come back %v", ret, outs)
		}
	}
}

func TestPlanVectorRefusedByKernel(t *testing.T) {
	var m fake
	bad := m.words(0x5000, 0x5000, 8, 0x5000, 1<<63)
	cut := m.words(0x6fe0, 0x5000, 8, 0x5000, 8)
	c, _, _ := Plan(20, [6]uint64{3, bad, 2}, &m)
	checkRegions(t, &c, []want{{0x5000, 32, 32, In, -1, 1, OutNone}})
	c, _, _ = Plan(20, [6]uint64{3, cut, 3}, &m)
	checkRegions(t, &c, []want{{0x6fe0, 48, 32, In, -1, 1, OutNone}})
	c, _, _ = Plan(20, [6]uint64{3, cut, 1025}, &m)
	checkRegions(t, &c, nil)
}

func TestPlanRecvmsg(t *testing.T) {
	var m fake
	buf := m.put(0x1000, make([]byte, 0x1000))
	iov := m.words(0x3000, buf+100, 10, buf+200, 10)
	hdr := m.words(0x4000, buf, 500, iov, 2, buf+300, 64, 0)
	c, _, refusal := Plan(47, [6]uint64{3, hdr, 0}, &m)
	if refusal != "" {
		t.Fatal(refusal)
	}
	checkRegions(t, &c, []want{
		{0x4000, 56, 56, InOut, -1, 1, OutAlways},
		{0x1000, 128, 128, Out, 0, 0, OutLenAt},
		{0x3000, 32, 32, In, 0, 16, OutNone},
		{0x1064, 10, 10, Out, 2, 0, OutVector},
		{0x10c8, 10, 10, Out, 2, 16, OutVector},
		{0x112c, 64, 64, InOut, 0, 32, OutLenAt},
	})
	back := make([]byte, 56)
	back[8], back[40] = 16, 24
	outs := c.Outs(15, func(int) []byte { return back })
	for i, want := range []uint32{56, 16, 0, 10, 5, 24} {
		if outs[i] != want {
			t.Errorf("%d bytes of region %d come back, not %d", outs[i], i, want)
		}
	}
	var spans [][2]uint32
	c.Spans(0, 56, func(from, to uint32) { spans = append(spans, [2]uint32{from, to}) })
	if len(spans) != 3 || spans[0] != [2]uint32{8, 16} || spans[1] != [2]uint32{24, 32} || spans[2] != [2]uint32{40, 56} {
		t.Errorf("the header comes back at %v", spans)
	}
}

func TestPlanRecvmmsg(t *testing.T) {
	var m fake
	buf := m.put(0x1000, make([]byte, 0x1000))
	iov := m.words(0x3000, buf, 10, buf+10, 10)
	msgs := m.words(0x4000, 0, 0, iov, 1, 0, 0, 0, 0, 0, 0, iov+16, 1, 0, 0, 0, 77)
	c, _, refusal := Plan(299, [6]uint64{3, msgs, 2}, &m)
	if refusal != "" {
		t.Fatal(refusal)
	}
	array := make([]byte, 128)
	array[56], array[120] = 4, 77
	outs := c.Outs(1, func(int) []byte { return array })
	if len(outs) != 5 || outs[2] != 4 || outs[4] != 0 {
		t.Errorf("one message of 4 bytes comes back as %v", outs)
	}
}

func TestPlanExec(t *testing.T) {
	var m fake
	text := m.put(0x1000, []byte("/bin/true\x00one\x00"))
	argv := m.words(0x2000, text, text+10, 0, 99)
	c, _, refusal := Plan(59, [6]uint64{text, argv, 0}, &m)
	if refusal != "" {
		t.Fatal(refusal)
	}
	checkRegions(t, &c, []want{
		{0x1000, 10, 10, In, -1, 0, OutNone},
		{0x2000, 24, 24, In, -1, 1, OutNone},
		{0x1000, 10, 10, In, 1, 0, OutNone},
		{0x100a, 4, 4, In, 1, 8, OutNone},
	})
}

func TestRelocate(t *testing.T) {
	var m fake
	buf := m.put(0x1000, make([]byte, 64))
	vec := m.words(0x2000, buf, 8, buf+8, 8)
	c, _, _ := Plan(20, [6]uint64{3, vec, 2}, &m)
	data := [][]byte{make([]byte, 32), make([]byte, 8), make([]byte, 8)}
	args := c.Relocate([]Addr{0x7000, 0x8000, 0x9000}, data)
	if args != [6]uint64{3, 0x7000, 2} || u64(data[0], 0) != 0x8000 || u64(data[0], 16) != 0x9000 {
		t.Errorf("arguments %x, vector % x", args, data[0])
	}
}

func TestCheckRejects(t *testing.T) {
	good := Region{Addr: 1, Len: 2, Avail: 2, Dir: In, At: Pointer{Region: -1}}
	for _, change := range []func(*Region){
		func(r *Region) { r.Avail = 3 },
		func(r *Region) { r.Dir = 0 },
		func(r *Region) { r.Dir = 8 },
		func(r *Region) { r.At.Region = 0 },
		func(r *Region) { r.At.Region = -2 },
		func(r *Region) { r.At.Offset = 6 },
		func(r *Region) { r.Out.Kind = 99 },
		func(r *Region) { r.Len, r.Avail = 1<<40, 1<<40 },
	} {
		r := good
		change(&r)
		if c := (Call{Regions: []Region{r}}); c.Check() == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
	c := Call{Regions: []Region{good}}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if c.CheckOuts([]uint32{0}) != nil || c.CheckOuts([]uint32{1}) == nil || c.CheckOuts(nil) == nil {
		t.Error("counts are not checked")
	}
}
