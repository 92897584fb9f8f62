package linktest

import (
	"umosix/wire/control"
	"umosix/wire/link"
)

// Ends is the settings of both ends of a connection.
type Ends struct{ Deputy, Executor Config }

// Config is the settings of one end.
type Config struct {
	Creds   control.Credentials
	Verify  link.Verify // nil: any peer of the cluster
	Options link.Options
	Refusal string // of the executor's end: mosd refuses in the preface
}
