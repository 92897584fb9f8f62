package control

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"time"

	"umosix/wire"
)

// JobVerbs is the home side of mosd. Each method checks that the caller may act
// on the job.
type JobVerbs interface {
	Register(context.Context, Caller, Register) (Registered, error)
	Attach(context.Context, Caller, OfPid) error
	Unregister(context.Context, Caller, OfPid) error
	Leave(context.Context, Caller, OfPid) error
	List(ctx context.Context, caller Caller, all bool) ([]Process, error)
	Migrate(context.Context, Caller, Migrate) (Migrated, error)
	Hold(context.Context, Caller, Hold) error
	SetLock(context.Context, Caller, SetLock) error
	Why(ctx context.Context, caller Caller, pid int) (Reason, error)
	// Watch calls tell with the zero News when it has found the job, then with all others.
	Watch(ctx context.Context, caller Caller, job string, tell func(News) error) error
	AdoptDeputy(context.Context, Caller, Adopt, net.Conn) error
	Bring(context.Context) error
}

// GuestVerbs is the admission side of mosd.
type GuestVerbs interface {
	Guests(context.Context) ([]Process, error)
	AdoptExecutor(context.Context, Caller, Adopt, net.Conn) error
	Expel(context.Context) error
}

// NodeVerbs is what concerns the node as a whole.
type NodeVerbs interface {
	Status(context.Context) (Status, error)
	Peers(context.Context) ([]Neighbour, error)
	Nodes(context.Context) ([]NodeLoad, error)
	IsUp(ctx context.Context, node wire.NodeID) (bool, error)
	SetFlag(context.Context, SetFlag) error
	Stop(context.Context) error
}

// Server answers the tools on the control socket.
type Server struct {
	Jobs   JobVerbs
	Guests GuestVerbs
	Node   NodeVerbs
	Owner  int // the uid that mosd runs as: it and root may use the admin verbs
}

// Serve answers on the listener until the context ends. Requests that wait
// (moves, watches) are then cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ConnContext:       withCaller,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	err := server.Serve(listener)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Handler is the table of verbs. Paths carry no user input but numbers and job ids.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/status", read(s.Node.Status))
	mux.Handle("GET /v1/peers", read(s.Node.Peers))
	mux.Handle("GET /v1/nodes", read(s.Node.Nodes))
	mux.Handle("GET /v1/guests", read(s.Guests.Guests))
	mux.HandleFunc("GET /v1/isup/{node}", s.isUp)
	mux.HandleFunc("GET /v1/jobs", s.list)
	mux.HandleFunc("GET /v1/why/{pid}", s.why)
	mux.HandleFunc("GET /v1/jobs/{job}/watch", s.watch)
	mux.Handle("POST /v1/jobs", ask(s.register))
	mux.Handle("POST /v1/attach", order(ofSelf(s.Jobs.Attach)))
	mux.Handle("POST /v1/unregister", order(ofSelf(s.Jobs.Unregister)))
	mux.Handle("POST /v1/leave", order(ofSelf(s.Jobs.Leave)))
	mux.Handle("POST /v1/move", ask(s.Jobs.Migrate))
	mux.Handle("POST /v1/freeze", order(s.Jobs.Hold))
	mux.Handle("POST /v1/lock", order(s.Jobs.SetLock))
	mux.Handle("POST /v1/flags", admin(s.Owner, s.Node.SetFlag))
	mux.Handle("POST /v1/expel", admin(s.Owner, plain(s.Guests.Expel)))
	mux.Handle("POST /v1/bring", admin(s.Owner, plain(s.Jobs.Bring)))
	mux.Handle("POST /v1/stop", admin(s.Owner, plain(s.Node.Stop)))
	mux.Handle("POST /v1/deputy", adopt(s.Jobs.AdoptDeputy))
	mux.Handle("POST /v1/executor", adopt(s.Guests.AdoptExecutor))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, NotFound("%s %s: this mosd has no such verb", r.Method, r.URL.Path))
	})
	return mux
}

// register registers the caller itself.
func (s *Server) register(ctx context.Context, who Caller, req Register) (answer Registered, err error) {
	if req.Pid, err = who.self(); err != nil {
		return answer, err
	}
	return s.Jobs.Register(ctx, who, req)
}

// ofSelf is for requests that are always about the caller itself.
func ofSelf(f func(context.Context, Caller, OfPid) error) func(context.Context, Caller, OfPid) error {
	return func(ctx context.Context, who Caller, req OfPid) (err error) {
		if req.Pid, err = who.self(); err != nil {
			return err
		}
		return f(ctx, who, req)
	}
}

// plain drops the empty request of a verb without arguments.
func plain(f func(context.Context) error) func(context.Context, Empty) error {
	return func(ctx context.Context, _ Empty) error { return f(ctx) }
}

func (s *Server) isUp(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.PathValue("node"), 10, 16)
	if err != nil || n == 0 {
		fail(w, Invalid("%q is not a node number", r.PathValue("node")))
		return
	}
	up, err := s.Node.IsUp(r.Context(), wire.NodeID(n))
	reply(w, IsUp{Node: wire.NodeID(n), Up: up}, err)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	caller, err := callerOf(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	list, err := s.Jobs.List(r.Context(), caller, r.URL.Query().Has("all"))
	reply(w, list, err)
}

func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	caller, err := callerOf(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	pid, err := strconv.Atoi(r.PathValue("pid"))
	if err != nil || pid <= 0 {
		fail(w, Invalid("%q is not a process number", r.PathValue("pid")))
		return
	}
	reason, err := s.Jobs.Why(r.Context(), caller, pid)
	reply(w, reason, err)
}

// watch sends one line per News until the job has ended. The head of the answer is sent at
// once: a job may go on for long without any news.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	caller, err := callerOf(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	lines, began := json.NewEncoder(w), false
	err = s.Jobs.Watch(r.Context(), caller, r.PathValue("job"), func(news News) error {
		began = true
		if news != (News{}) {
			if err := lines.Encode(news); err != nil {
				return err
			}
		}
		return http.NewResponseController(w).Flush()
	})
	if err != nil && !began {
		fail(w, err)
	}
}
