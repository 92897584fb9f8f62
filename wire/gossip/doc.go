// Package gossip owns what a node knows about the others right now: who is up,
// and how loaded each is, as told by sealed datagrams that every node sends to a
// few others each second.
//
// A datagram goes through these stages, one file each: entry.go and table.go
// (what is known, and which of two reports is newer), choose.go (whom to tell),
// message.go (the plain body), seal.go (the sealed datagram), peer.go (fresh or
// replayed), gossip.go and run.go (the shell with clock and transport).
//
// # Freshness
//
// Clocks of nodes differ, and a node remembers nothing from before it was
// started, so neither time stamps nor sequence numbers alone show a replay. Each
// run of a node has a random session number. A datagram carries the sender's
// session and echoes the receiver's; only one that echoes the receiver's present
// session, with a sequence number not seen yet, is believed. One with another
// echo only earns an answer that tells the right one, so two nodes that never
// met believe each other after one and a half round trips:
//
//	A → B   session A, echo none        nothing is believed, B answers
//	B → A   session B, echo A, "want"   A believes, and answers
//	A → B   session A, echo B           B believes
package gossip
