// Package host is the admission side of mosd: it accepts the connections of
// other nodes, decides whose guests come in, and starts and watches the
// executors in which they run.
//
// A guest's way in: home's mosd asks over its control connection (serve.go), the
// policy decides (policy.go), a ticket is given (ticket.go); the job's deputy
// comes with it (serve.go) and is handed to an executor of its own (executor.go).
package host
