package linktest

import (
	"context"
	"net"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/link"
)

// The identities of the two ends of a Pair.
var (
	DeputyID   = wire.Identity{Node: 1, Kind: wire.KindDeputy, Job: "test", Uid: 1000}
	ExecutorID = wire.Identity{Node: 2, Kind: wire.KindExecutor, Job: "test", Uid: 1000}
)

// Pair is a deputy's and an executor's link to each other over loopback.
type Pair struct {
	Deputy, Executor *link.Link
	Middle           *Middle // nil if they are connected directly
}

// Options of a Pair; the zero value is a direct connection with link's defaults.
type Options struct {
	Link   link.Options
	Middle bool // put a Middle between them
}

// New connects a pair; the test's end closes it.
func New(tb testing.TB, o Options) *Pair {
	tb.Helper()
	a := NewAuthority(tb)
	ends := Ends{
		Deputy:   Config{Creds: a.Issue(tb, DeputyID), Options: o.Link},
		Executor: Config{Creds: a.Issue(tb, ExecutorID), Options: o.Link},
	}
	p, dialErr, acceptErr := Connect(tb, ends, o.Middle)
	if dialErr != nil || acceptErr != nil {
		tb.Fatalf("connect pair: deputy: %v; executor: %v", dialErr, acceptErr)
	}
	return p
}

// Connect runs the whole way from preface to TLS with settings of the test's own,
// and returns what came of it on either side.
func Connect(tb testing.TB, ends Ends, middle bool) (p *Pair, dialErr, acceptErr error) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	p = &Pair{}
	address := listener.Addr().String()
	if middle {
		p.Middle = newMiddle(tb, address)
		address = p.Middle.address
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		p.Executor, acceptErr = accept(tb, listener, ends.Executor)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	p.Deputy, dialErr = dial(tb, ctx, address, ends.Deputy)
	if dialErr != nil {
		_ = listener.Close()
	}
	<-accepted
	tb.Cleanup(p.Close)
	return p, dialErr, acceptErr
}

// Close ends both links and the middle.
func (p *Pair) Close() {
	for _, l := range []*link.Link{p.Deputy, p.Executor} {
		if l != nil {
			_ = l.Close()
		}
	}
	if p.Middle != nil {
		p.Middle.close()
	}
}

// accept does what mosd and then the executor do with a connection.
func accept(tb testing.TB, listener net.Listener, c Config) (*link.Link, error) {
	tls, err := link.ServerConfig(c.Creds, c.Verify)
	if err != nil {
		return nil, err
	}
	conn, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := link.ReadPreface(conn); err != nil {
		return nil, err
	}
	if c.Refusal != "" {
		return nil, link.Refuse(conn, c.Refusal)
	}
	if err := link.Admit(conn); err != nil {
		return nil, err
	}
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		return nil, err
	}
	return link.AcceptFile(file, tls, c.Options)
}

func dial(tb testing.TB, ctx context.Context, address string, c Config) (*link.Link, error) {
	tls, err := link.ClientConfig(c.Creds, c.Verify)
	if err != nil {
		return nil, err
	}
	return link.Dial(ctx, address, link.Ticket{1, 2, 3}, tls, c.Options)
}
