// Package remote owns the away half of a job on one node: it rebuilds processes as
// guests in a cage, lets them run, forwards their system calls to the deputy at
// home, delivers the signals that arrive there, and sends the guests on.
//
// One executor serves one job, as a process of its own. Its files follow a guest:
// arrive.go builds it, trap.go decides about its calls, forward.go and local.go
// carry them out, signal.go delivers signals, leave.go sends the guest away.
package remote
