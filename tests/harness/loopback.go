package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freeLoopback finds a /24 of 127.0.0.0/8 and a port that is free, for TCP and UDP,
// on its first n addresses. Each cluster has a net of its own, so clusters of tests
// that run side by side do not meet.
func freeLoopback(n int) (prefix string, port int, err error) {
	for range 50 {
		prefix = fmt.Sprintf("127.%d.%d", 1+rand.IntN(250), 1+rand.IntN(250))
		port = 20000 + rand.IntN(10000)
		if err = allFree(prefix, port, n); err == nil {
			return prefix, port, nil
		}
	}
	return "", 0, fmt.Errorf("no free loopback net: %w", err)
}

func allFree(prefix string, port, n int) error {
	for i := 1; i <= n; i++ {
		address := fmt.Sprintf("%s.%d:%d", prefix, i, port)
		stream, err := net.Listen("tcp4", address)
		if err != nil {
			return err
		}
		stream.Close()
		packet, err := net.ListenPacket("udp4", address)
		if err != nil {
			return err
		}
		packet.Close()
	}
	return nil
}
