// Package link owns the connection between a deputy and an executor: one TCP
// stream that starts with a preface for mosd and then carries frames under mutual
// TLS 1.3. There is no plaintext mode.
//
// The connection is a blocking socket that is read and written with plain system
// calls on the calling thread, because a trip through the runtime's poller costs
// more than the network (15 against 49 µs for a round trip on one CPU). Callers
// on the hot path lock their goroutine to a thread.
//
// The files in the order in which a link lives: preface.go, credentials.go,
// dial.go, accept.go, link.go; then send.go, receive.go and ping.go, all on top of
// socket.go.
package link
