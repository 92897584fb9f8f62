package link_test

import (
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run if it leaves goroutines or descriptors behind.
func TestMain(m *testing.M) {
	pollerOn()
	before := descriptors()
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	if after := descriptors(); after > before && code == 0 {
		println("descriptors left open:", after-before)
		code = 1
	}
	os.Exit(code)
}

// pollerOn makes the runtime open the descriptors that its poller keeps for good.
func pollerOn() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	_ = l.Close()
}

func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}
