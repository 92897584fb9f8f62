// Command mosix is umosix: the daemon of a node, the programs that it starts,
// and the tools. The name that it is called by, or else its first word, says
// which one it is; each has a file of its own here.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Main runs on the thread that execs: mosrun becomes the program, and a tracer
// that has seized this process by its number follows that thread.
func init() { runtime.LockOSThread() }

func main() { os.Exit(dispatch(os.Args)) }

// The exit codes of everything but mosrun's program.
const (
	exitFailed = 1
	exitUsage  = 2
)

// tool is one command. args[0] is the name that it was called by.
type tool struct {
	run  func(args []string) int
	help string // one line; empty: not shown
}

// tools are the commands by name.
func tools() map[string]tool {
	return map[string]tool{
		"mosd":       {runMosd, "the daemon of a node"},
		"mosrun":     {runMosrun, "run a program in the cluster"},
		"runhome":    {runMosrun, "mosrun -h: run a program at home, locked"},
		"runon":      {runMosrun, "mosrun -N: run a program on a node, locked"},
		"nomig":      {runMosrun, "mosrun -L: run a program that stays where it is"},
		"migrate":    {runMigrate, "move a running process"},
		"mosmigrate": {runMigrate, ""},
		"mosps":      {runMosps, "list the jobs and where they are"},
		"mosctl":     {runMosctl, "administer a node"},
		"moskillall": {runMoskillall, "send a signal to whole jobs"},
		"setpe":      {runSetpe, "check and show the map of the cluster"},
		"mon":        {runMon, "look at the cluster"},
		"mosmon":     {runMon, ""},
		"mostop":     {runMostop, "mosps again and again"},
		"tune":       {notYet, "measure speed and links"},
		"mostune":    {notYet, ""},
		"native":     {runNative, "run a program outside of the job that it is started from"},
		"mosnative":  {runNative, ""},
		"cpujob":     {notYet, ""},
		"iojob":      {notYet, ""},
		"nodecay":    {notYet, ""},
		"slowdecay":  {notYet, ""},
		"fastdecay":  {notYet, ""},
		"deputy":     {runDeputy, ""},
		"executor":   {runExecutor, ""},
		"report":     {runReport, ""},
		"version":    {runVersion, "print the version"},
	}
}

// dispatch finds the command by the name of the binary, else by the first word.
func dispatch(args []string) int {
	if len(args) == 0 {
		return exitUsage
	}
	known := tools()
	name := filepath.Base(args[0])
	if found, ok := known[name]; ok {
		return found.run(args)
	}
	if len(args) == 1 {
		fmt.Fprintln(os.Stderr, "mosix: which command? Try: mosix --help")
		return exitUsage
	}
	switch args[1] {
	case "-h", "--help", "help":
		printTools(known)
		return 0
	case "--version":
		return runVersion(args[1:])
	}
	found, ok := known[args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "mosix: there is no command %q. Try: mosix --help\n", args[1])
		return exitUsage
	}
	return found.run(args[1:])
}

func printTools(known map[string]tool) {
	fmt.Print("Usage: mosix COMMAND [argument ...]\n\nCommands (COMMAND --help tells more; links of these names work too):\n")
	var names []string
	for name, tool := range known {
		if tool.help != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("  %-12s%s\n", name, known[name].help)
	}
	fmt.Print("\nExamples:\n  mosix mosctl local up     a cluster of two nodes on this machine\n" +
		"  mosix mosrun -2 make      run a program on node 2\n  mosix mosps               see where it is\n")
}

// laterTools are the commands that this release only knows by name.
var laterTools = map[string]string{
	"tune":      "Measure this node's speed and its links, and store them.",
	"cpujob":    "Run a program that computes.",
	"iojob":     "Run a program that reads and writes.",
	"nodecay":   "Run a program whose statistics do not decay.",
	"slowdecay": "Run a program whose statistics decay slowly.",
	"fastdecay": "Run a program whose statistics decay fast.",
}

// notYet serves them: with help, or a refusal.
func notYet(args []string) int {
	name := filepath.Base(args[0])
	about := laterTools[name]
	if about == "" {
		about = laterTools[strings.TrimPrefix(name, "mos")]
	}
	if len(args) > 1 && args[1] == "--help" {
		fmt.Printf("Usage: %s\n\n%s Not yet: this release does not have it.\n", name, about)
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: not yet: this release does not have it\n", name)
	return exitFailed
}
