package control

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"
)

// read serves a verb that everybody may use and that takes nothing.
func read[Out any](f func(context.Context) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r.Context())
		reply(w, out, err)
	})
}

// ask serves a verb that takes a request from a known caller and answers it.
func ask[In, Out any](f func(context.Context, Caller, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		caller, err := callerOf(r.Context())
		if err == nil {
			err = decode(r.Body, &in)
		}
		var out Out
		if err == nil {
			out, err = f(r.Context(), caller, in)
		}
		reply(w, out, err)
	})
}

// order serves a verb whose answer is only that it is done.
func order[In any](f func(context.Context, Caller, In) error) http.Handler {
	return ask(func(ctx context.Context, caller Caller, in In) (Empty, error) {
		return Empty{}, f(ctx, caller, in)
	})
}

// admin serves an order that only mosd's owner and root may give.
func admin[In any](owner int, f func(context.Context, In) error) http.Handler {
	return order(func(ctx context.Context, caller Caller, in In) error {
		if !caller.May(owner) {
			return Forbidden("only uid %d and root may do that on this node", owner)
		}
		return f(ctx, in)
	})
}

// adopt hands the connection over once the request is read and answered.
func adopt(f func(context.Context, Caller, Adopt, net.Conn) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in Adopt
		caller, err := callerOf(r.Context())
		if err == nil {
			err = decode(r.Body, &in)
		}
		if err != nil {
			fail(w, err)
			return
		}
		conn, err := hijack(w)
		if err != nil {
			fail(w, err)
			return
		}
		if err := f(context.WithoutCancel(r.Context()), caller, in, conn); err != nil {
			conn.Close()
		}
	})
}

// hijack answers 101 and takes the connection. Bytes that the client sent
// behind its request are refused: it must wait for the answer.
func hijack(w http.ResponseWriter) (net.Conn, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if buffered.Reader.Buffered() > 0 {
		conn.Close()
		return nil, Invalid("data before the answer")
	}
	conn.SetDeadline(time.Time{})
	const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mosix-channel\r\n\r\n"
	if _, err := conn.Write([]byte(answer)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func reply(w http.ResponseWriter, out any, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

func fail(w http.ResponseWriter, err error) {
	failure := asFailure(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(failure.Status)
	json.NewEncoder(w).Encode(failure)
}
