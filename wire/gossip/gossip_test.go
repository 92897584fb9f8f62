package gossip_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/gossip"
	"umosix/wire/gossip/gossiptest"
)

// world is a cluster in memory; it lives in a synctest bubble.
type world struct {
	t    rapid.TB
	net  *gossiptest.Network
	live *cluster.Live
	all  []*node
}

// node is one running node of a world.
type node struct {
	*gossip.Gossip
	id    wire.NodeID
	stop  context.CancelFunc
	ended chan struct{}
	load  atomic.Uint32
}

func newWorld(t rapid.TB, nodes int) *world {
	text := ""
	for i := 0; i < nodes; i += 200 {
		text += fmt.Sprintf("%d 10.0.%d.1 %d\n", i+1, i/200, min(200, nodes-i))
	}
	w := &world{t: t, net: gossiptest.New(1)}
	w.live = cluster.NewLive(parse(t, text))
	return w
}

func parse(t rapid.TB, text string) *cluster.Map {
	m, err := cluster.ReadMap(context.Background(), "test", strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func keys(t rapid.TB, ids ...byte) []cluster.GossipKey {
	s := cluster.Secrets{Current: cluster.Secret{ids[0]}}
	if len(ids) > 1 {
		s.Previous = &cluster.Secret{ids[1]}
	}
	ca, err := s.CA()
	if err != nil {
		t.Fatal(err)
	}
	return ca.GossipKeys()
}

// start runs a node with the secrets that the numbers stand for.
func (w *world) start(id wire.NodeID, secrets ...byte) *node {
	at, _ := w.live.Map().Address(id)
	transport, err := w.net.Listen(at)
	if err != nil {
		w.t.Fatal(err)
	}
	n := &node{id: id, ended: make(chan struct{})}
	n.Gossip, err = gossip.New(gossip.Config{
		Self: id, Map: w.live.Map, Keys: keys(w.t, secrets...), Transport: transport,
		Local: func() gossip.Local { return gossip.Local{Load: n.load.Load(), Speed: uint32(id), CPUs: 1} },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	w.all = append(w.all, n)
	go func() {
		defer close(n.ended)
		if err := n.Run(ctx); err != nil {
			w.t.Errorf("node %d: %v", id, err)
		}
	}()
	return n
}

// close ends all nodes that still run.
func (w *world) close() {
	for _, n := range w.all {
		n.end()
	}
}

func (n *node) end() {
	n.stop()
	<-n.ended
}

// crash ends a node without its goodbye being heard.
func (w *world) crash(n *node) {
	at, _ := w.live.Map().Address(n.id)
	for _, other := range w.live.Map().Nodes() {
		to, _ := w.live.Map().Address(other)
		w.net.Cut(at, to, true)
	}
	n.end()
	for _, other := range w.live.Map().Nodes() {
		to, _ := w.live.Map().Address(other)
		w.net.Cut(at, to, false)
	}
}

func (n *node) ups() int {
	up := 0
	for _, m := range n.Snapshot() {
		if m.Up {
			up++
		}
	}
	return up
}

// sees says whether a node sees another up.
func (n *node) sees(id wire.NodeID) bool {
	m, ok := n.Member(id)
	return ok && m.Up
}

func TestTwoNodesMeetAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		a := w.start(1, 1)
		time.Sleep(10 * time.Second)
		if a.sees(2) || !a.sees(1) {
			t.Error("node 2 is up before it was started")
		}
		b := w.start(2, 1)
		time.Sleep(10 * time.Millisecond)
		if !a.sees(2) || !b.sees(1) {
			t.Errorf("they don't see each other: %v, %v", a.Snapshot(), b.Snapshot())
		}
		a.load.Store(77)
		a.Push()
		time.Sleep(30 * time.Millisecond)
		if m, _ := b.Member(1); m.Load != 77 || m.Speed != 1 || m.Age > 30*time.Millisecond {
			t.Errorf("node 1 is %+v", m)
		}
		b.end()
		time.Sleep(10 * time.Millisecond)
		if m, _ := a.Member(2); m.Up || !m.Flags.Has(gossip.Leaving) {
			t.Errorf("after the goodbye node 2 is %+v", m)
		}
		if r := a.Rejected(); len(r) != 0 {
			t.Errorf("rejected %v", r)
		}
		b = w.start(2, 1)
		time.Sleep(10 * time.Millisecond)
		if !a.sees(2) || !b.sees(1) {
			t.Error("node 2 came back and is not seen")
		}
	})
}

func TestCrashIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		a, b, c := w.start(1, 1), w.start(2, 1), w.start(3, 1)
		time.Sleep(3 * time.Second)
		w.crash(b)
		if !a.sees(2) {
			t.Error("down at once")
		}
		time.Sleep(5 * time.Second)
		if a.sees(2) || c.sees(2) || !a.sees(3) {
			t.Error("a silent node is up")
		}
		b = w.start(2, 1)
		time.Sleep(10 * time.Millisecond)
		if !a.sees(2) || !b.sees(3) {
			t.Error("back and not seen")
		}
	})
}

// A node whose cable is back is seen when somebody asks for it, not a period later.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		a, b := w.start(1, 1), w.start(2, 1)
		time.Sleep(3 * time.Second)
		from, _ := w.live.Map().Address(a.id)
		to, _ := w.live.Map().Address(b.id)
		probe := func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			m, _ := a.Probe(ctx, b.id)
			return m.Up
		}
		w.net.Cut(from, to, true)
		for a.sees(b.id) {
			time.Sleep(time.Second)
		}
		if probe() {
			t.Error("up without a cable")
		}
		w.net.Cut(from, to, false)
		begun := time.Now()
		up := probe()
		if took := time.Since(begun); !up || took > 50*time.Millisecond {
			t.Errorf("up %v after %v", up, took)
		}
	})
}

// A node that comes back with its clock set back must still be believed.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		a, b, _ := w.start(1, 1), w.start(2, 1), w.start(3, 1)
		time.Sleep(2 * time.Second)
		before, _ := a.Member(2)
		w.crash(b)
		b = w.start(2, 1)
		gossip.SetEpoch(b.Gossip, before.Epoch-1000)
		b.load.Store(5)
		time.Sleep(1500 * time.Millisecond)
		if m, _ := a.Member(2); m.Load != 5 || m.Epoch <= before.Epoch {
			t.Errorf("node 1 sees %+v", m)
		}
	})
}

func TestWrongSecretShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		a, b, _ := w.start(1, 1), w.start(2, 2), w.start(3, 1)
		time.Sleep(3 * time.Second)
		if a.sees(2) || b.sees(1) || !a.sees(3) {
			t.Error("another secret is believed")
		}
		r := a.Rejected()
		if len(r) != 1 || r[0].Node != 2 || r[0].Claims != 2 || r[0].Secret < 3 || !strings.Contains(r[0].String(), "node 2 (10.0.0.2:4660) uses another secret") {
			t.Errorf("rejected %v", r)
		}
		if err := b.SetKeys(keys(t, 1)); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if r := a.Rejected(); !a.sees(2) || len(r) != 1 || r[0].Secret != 0 {
			t.Errorf("after the right secret: %v", r)
		}
	})
}

// Nodes get the new secret one after another, then lose the old one, each with a
// restart, and all see each other all the time.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		var nodes []*node
		for id := range 3 {
			nodes = append(nodes, w.start(wire.NodeID(id+1), 1))
		}
		for _, secrets := range [][]byte{{2, 1}, {2}} {
			for i := range nodes {
				nodes[i].end()
				nodes[i] = w.start(wire.NodeID(i+1), secrets...)
				time.Sleep(3 * time.Second)
				for _, n := range nodes {
					if n.ups() != 3 {
						t.Errorf("secrets %v at node %d: node %d sees %v", secrets, i+1, n.id, n.Snapshot())
					}
				}
			}
		}
	})
}

// Everything that went over the wire is sent again to a node that remembers
// nothing: nothing of it is believed.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		type sent struct {
			from, to netip.AddrPort
			data     []byte
		}
		var old []sent
		w.net.Tap(func(from, to netip.AddrPort, data []byte) {
			old = append(old, sent{from, to, append([]byte(nil), data...)})
		})
		a, b := w.start(1, 1), w.start(2, 1)
		time.Sleep(5 * time.Second)
		w.net.Tap(nil)
		w.net.Set(gossiptest.Settings{Loss: 1}) // but what is injected arrives
		believed := a.Counters().Believed
		replay := func() {
			for _, s := range old {
				if to, _ := w.live.Map().Address(1); s.to == to {
					w.net.Inject(s.from, s.to, s.data)
				}
			}
			synctest.Wait()
		}
		replay()
		if got := a.Counters().Believed; got != believed {
			t.Errorf("%d replayed datagrams were believed", got-believed)
		}
		if r := a.Rejected(); len(r) != 1 || r[0].Replayed < 5 {
			t.Errorf("rejected %v", r)
		}
		b.end()
		a.end()
		a = w.start(1, 1)
		replay()
		if a.sees(2) || a.Counters().Believed != 0 {
			t.Error("a dead node was raised by a replay")
		}
	})
}

func TestRubbish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		a, b := w.start(1, 1), w.start(2, 1)
		time.Sleep(2 * time.Second)
		to, _ := w.live.Map().Address(1)
		for i := range 300 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), uint16(1000+i))
			w.net.Inject(from, to, make([]byte, i*5))
		}
		synctest.Wait()
		if r := a.Rejected(); len(r) > 70 || !a.sees(2) || !b.sees(1) {
			t.Errorf("%d sources are counted", len(r))
		}
	})
}

// A node that the map does not have is named and ignored.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		w.start(3, 1)
		w.live = cluster.NewLive(parse(t, "1 10.0.0.1 2"))
		a := w.start(1, 1)
		time.Sleep(2 * time.Second)
		if r := a.Rejected(); len(r) != 1 || r[0].Stranger == 0 || r[0].Claims != 3 || !strings.Contains(r[0].String(), "sends as node 3") {
			t.Errorf("rejected %v", r)
		}
		if _, ok := a.Member(3); ok || len(a.Snapshot()) != 2 {
			t.Error("a node outside the map is a member")
		}
	})
}

// A datagram for one node is nothing to another.
func TestMisdirected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		one, _ := w.live.Map().Address(1)
		two, _ := w.live.Map().Address(2)
		var for2 []byte
		w.net.Tap(func(_, to netip.AddrPort, data []byte) {
			if to == two {
				for2 = append([]byte(nil), data...)
			}
		})
		a := w.start(1, 1)
		w.start(3, 1)
		time.Sleep(2 * time.Second)
		w.net.Tap(nil)
		w.net.Inject(two, one, for2)
		synctest.Wait()
		if r := a.Rejected(); len(r) != 1 || r[0].Stranger != 1 || a.sees(2) {
			t.Errorf("rejected %v", r)
		}
	})
}

func TestOtherMapShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		a := w.start(1, 1)
		w.live = cluster.NewLive(parse(t, "1 10.0.0.1 3"))
		w.start(2, 1)
		time.Sleep(time.Second)
		if m, _ := a.Member(2); !m.Up || !m.Differs {
			t.Errorf("node 2 is %+v", m)
		}
	})
}

// On a bad network everybody still sees everybody.
func TestBadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		defer w.close()
		w.net.Set(gossiptest.Settings{Loss: 0.3, Repeat: 0.2, Delay: 80 * time.Millisecond})
		var nodes []*node
		for id := range 5 {
			nodes = append(nodes, w.start(wire.NodeID(id+1), 1))
		}
		time.Sleep(10 * time.Second)
		for range 60 {
			time.Sleep(time.Second)
			for _, n := range nodes {
				if n.ups() != 5 {
					t.Fatalf("node %d sees %v", n.id, n.Snapshot())
				}
			}
		}
	})
}

// In a large cluster each node tells only a few, and still knows all.
func TestLargeCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	synctest.Test(t, func(t *testing.T) {
		const size = 60
		w := newWorld(t, 250) // most of the map is not there
		defer w.close()
		var nodes []*node
		for id := range size {
			nodes = append(nodes, w.start(wire.NodeID(id+1), 1))
		}
		time.Sleep(5 * time.Second)
		sent := nodes[0].Counters().Sent
		for range 20 {
			time.Sleep(time.Second)
			for _, n := range nodes {
				if n.ups() != size {
					t.Fatalf("node %d sees %d up", n.id, n.ups())
				}
			}
		}
		if more := nodes[0].Counters().Sent - sent; more > 20*8 {
			t.Errorf("%d datagrams in 20 s", more)
		}
	})
}

// Whatever happens in whatever order, once it is quiet all live nodes see
// exactly the live ones.
func TestConvergence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		steps := rapid.SliceOfN(rapid.IntRange(0, 17), 1, 12).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(rt, 6)
			defer w.close()
			w.net = gossiptest.New(seed)
			w.net.Set(gossiptest.Settings{Loss: 0.1, Repeat: 0.1, Delay: 300 * time.Millisecond})
			up := map[wire.NodeID]*node{}
			for _, s := range steps {
				id := wire.NodeID(s%6 + 1)
				switch n := up[id]; {
				case n == nil:
					up[id] = w.start(id, 1)
				case s < 12:
					w.crash(n)
					delete(up, id)
				default:
					n.end()
					delete(up, id)
				}
				time.Sleep(time.Duration(s) * 100 * time.Millisecond)
			}
			w.net.Set(gossiptest.Settings{})
			time.Sleep(8 * time.Second)
			for _, n := range up {
				for _, m := range n.Snapshot() {
					if m.Up != (up[m.Node] != nil) {
						rt.Errorf("node %d sees %+v", n.id, m)
					}
				}
			}
		})
	})
}

// Over real sockets on loopback.
func TestUDP(t *testing.T) {
	var ends []gossip.Transport
	text := ""
	for id := 1; id <= 2; id++ {
		transport, err := gossip.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, transport)
		text += fmt.Sprintf("%d %s 1\n", id, gossip.LocalAddr(transport))
	}
	m := parse(t, text)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var nodes []*gossip.Gossip
	begun := time.Now()
	for i, transport := range ends {
		g, err := gossip.New(gossip.Config{
			Self: wire.NodeID(i + 1), Map: func() *cluster.Map { return m }, Keys: keys(t, 1), Transport: transport,
			Local: func() gossip.Local { return gossip.Local{} },
		})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, g)
		running.Go(func() {
			if err := g.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	met := func() bool {
		a, _ := nodes[0].Member(2)
		b, _ := nodes[1].Member(1)
		return a.Up && b.Up
	}
	for !met() && time.Since(begun) < 10*time.Second {
		time.Sleep(time.Millisecond)
	}
	t.Logf("met after %v", time.Since(begun))
	if !met() {
		t.Error("they never met")
	}
	cancel()
	running.Wait()
}
