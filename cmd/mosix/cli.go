package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

// base are the options that every command has.
type base struct {
	State  string `placeholder:"DIR" help:"State directory of the daemon to speak to (MOSIX_STATE)."`
	Config string `placeholder:"DIR" help:"Directory of the configuration (MOSIX_CONFIG)."`
	Quiet  bool   `short:"q" help:"No warnings (MOSIX_QUIET=1)."`
}

func (b base) env() cluster.Env { return cluster.SystemEnv(b.State, b.Config) }

// client finds the daemon to speak to.
func (b base) client() (*control.Client, error) { return findClient(b.env()) }

func findClient(env cluster.Env) (*control.Client, error) {
	dir, err := env.FindDaemon(func(dir string) error {
		path, err := cluster.SocketPath(dir)
		if err != nil {
			return err
		}
		return control.Answers(path)
	})
	if err != nil {
		return nil, err
	}
	path, err := cluster.SocketPath(dir)
	return &control.Client{Socket: path}, err
}

// usageError is a mistake in the words of a command: exit 2.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// exited leaves kong where it would end the process.
type exited int

// runKong parses the words of a command into cli and runs the selected one.
// Errors become one line that begins with the command's name.
func runKong(args []string, about string, cli any) (status int) {
	name := filepath.Base(args[0])
	defer func() {
		if code, ok := recover().(exited); ok {
			status = int(code)
		}
	}()
	parser, err := kong.New(cli, kong.Name(name), kong.Description(about),
		kong.Exit(func(code int) { panic(exited(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // a mistake in our own tags
	}
	selected, err := parser.Parse(args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s. Try: %s --help\n", name, oneLine(err), name)
		return exitUsage
	}
	word := commandWord(selected.Command())
	if i := strings.IndexByte(string(word), ' '); i >= 0 {
		word = word[:i]
	}
	return report(name, selected.Run(cli, word))
}

// commandWord is the first word of the selected command, for those that share
// their code; the whole tree (cli) is bound for Run methods too.
type commandWord string

// report prints an error and turns it into an exit code.
func report(name string, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", name, oneLine(err))
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

func oneLine(err error) string {
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " ")
}
