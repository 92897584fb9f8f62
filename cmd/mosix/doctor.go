package main

import (
	"errors"
	"fmt"
	"os"

	"umosix/remote/cage"
)

type doctorCmd struct {
	JSON bool `help:"As JSON."`
}

// errUnwell ends a visit at which something was found.
var errUnwell = errors.New("something is not as it should be")

// Run looks at everything and says what to do.
func (c *doctorCmd) Run(root *mosctlCmd) error {
	checks := append(cage.Doctor(), checkCluster(root)...)
	unwell := false
	for _, each := range checks {
		unwell = unwell || !each.OK
	}
	if c.JSON {
		if err := printJSON(os.Stdout, checks); err != nil {
			return err
		}
	} else {
		printChecks(checks)
	}
	if unwell {
		return errUnwell
	}
	return nil
}

func printChecks(checks []cage.Check) {
	for _, each := range checks {
		mark := "ok "
		if !each.OK {
			mark = "BAD"
		}
		fmt.Printf("%s %s: %s\n", mark, each.Name, each.Result)
		if !each.OK && each.Why != "" {
			fmt.Printf("    %s\n", each.Why)
		}
		if each.Fix != "" {
			fmt.Printf("    mend it: %s\n", each.Fix)
		}
	}
}
