package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
)

// run is what the words of a mosrun mean. They are read by hand: a library that
// reads options takes longer than everything else that mosrun does.
type run struct {
	name       string // that it was called by, for messages
	options    control.Options
	tag        string
	state      string
	config     string
	quiet      bool
	report     string // "", "text" or "json"
	reportFile string
	verbose    bool
	hasArgv0   bool // -z
	program    []string
}

// help is what mosrun --help prints.
const mosrunHelp = `Usage: mosrun [options] [--] program [args...]

Run a program in the cluster: same process, terminal and exit status as without
mosrun. Options end at the first word of the program.

  -h                 run at home, locked there (as runhome)
  -N, -r HOST        start on that node (a number, as -3), locked there (as runon N)
  -jLIST             start on a random node of a list, as -j1,4-7
  -F                 run anyway if the asked node is not available
  -l, -L, -k         unlocked, locked, as the caller
  -J ID              job id, to list or signal many runs together
  -z                 the word after the program is its argv[0]
  -w                 warn each time a process is pinned home, with the reason
  -v, --report[=json], --report-file F
                     at the end tell what was used and moved
  --shake DUR        force moves at random moments, on average every DUR
  --seed N           repeat the same shaking
  --grace DUR        how long a lost link may be silent (30s)
  --early-attach     trace from the start
  -q                 no warnings (MOSIX_QUIET=1)
  --state DIR, --config DIR
                     which daemon to ask (MOSIX_STATE, MOSIX_CONFIG)

Exit status: the program's; 125 if mosrun itself failed, 126 if the program can't
be executed, 127 if it is not found, 137 if it was lost with its node.

Examples:
  mosrun make -j8
  mosrun -2 ./simulate data.in
  mosrun -J night -v ./render; moskillall -J night
`

// errHelp means that help was asked for; errAlone is mosrun -h.
var (
	errHelp  = errors.New("help")
	errAlone = errors.New("-h means home: it needs a program to run at home. Try: mosrun --help")
)

// later are the options of later releases; true: they take a value.
var later = map[string]bool{
	"b": false, "c": false, "i": false, "n": false, "s": false, "f": false, "d": true, "t": true, "m": true,
	"checkpoint": true, "every": true, "keep": true, "restore": true, "confine": true, "cpu-baseline": false,
}

// parseRun reads the words of a mosrun, runhome, runon or nomig.
func parseRun(args []string) (*run, error) {
	r := &run{name: filepath.Base(args[0]), quiet: os.Getenv("MOSIX_QUIET") == "1"}
	words := args[1:]
	switch r.name {
	case "runhome":
		r.options.Home = true
	case "nomig":
		r.options.Lock = control.LockOn
	case "runon":
		if len(words) == 0 || slices.Contains([]string{"--help", "-h"}, words[0]) {
			return nil, errHelp
		}
		if err := r.toNode(words[0]); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	rest, err := r.parse(words)
	if err != nil {
		return nil, err
	}
	return r, r.finish(rest, args)
}

// finish takes the program and looks at the whole.
func (r *run) finish(program, args []string) error {
	if len(program) == 0 && len(args) == 2 && args[1] == "-h" {
		return errAlone
	}
	places := 0
	for _, told := range []bool{r.options.Home, r.options.Node != 0, r.options.Host != "", len(r.options.Among) > 0} {
		if told {
			places++
		}
	}
	switch {
	case len(program) == 0:
		return errors.New("no program to run")
	case program[0] == "":
		return errors.New("the name of the program is empty")
	case r.hasArgv0 && len(program) < 2:
		return errors.New("-z: no argv[0] after the program")
	case places > 1:
		return errors.New("more than one place to start at (-h, -N, -r, -j)")
	case r.options.Seed != 0 && r.options.Shake == 0:
		return errors.New("--seed goes with --shake")
	}
	if r.report == "" && (r.verbose || r.reportFile != "") {
		r.report = "text"
	}
	r.program = program
	return nil
}

// parse reads options up to the program and returns the rest.
func (r *run) parse(words []string) ([]string, error) {
	for len(words) > 0 {
		word := words[0]
		switch {
		case word == "--":
			return words[1:], nil
		case len(word) < 2 || word[0] != '-':
			return words, nil
		}
		rest, err := words[1:], error(nil)
		if strings.HasPrefix(word, "--") {
			rest, err = r.long(word[2:], rest)
		} else if word[1] >= '0' && word[1] <= '9' {
			err = r.toNode(word[1:])
		} else {
			rest, err = r.short(word[1:], rest)
		}
		if err != nil {
			return nil, err
		}
		words = rest
	}
	return nil, nil
}

// short reads a group of one-letter options; the last may take a value, in the
// same word or in the next.
func (r *run) short(group string, rest []string) ([]string, error) {
	for i, c := range group {
		letter := string(c)
		if r.flag(letter) {
			continue
		}
		takes, known := later[letter]
		if known && !takes {
			return nil, fmt.Errorf("-%s: not yet: this release does not have it", letter)
		}
		value := group[i+len(letter):]
		if value == "" {
			if len(rest) == 0 {
				return nil, unknown("-"+letter, known || strings.Contains("NrjJ", letter))
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, r.value(letter, "-"+letter, value)
	}
	return rest, nil
}

// flag sets an option without a value.
func (r *run) flag(letter string) bool {
	switch letter {
	case "h":
		r.options.Home = true
	case "F":
		r.options.Anyway = true
	case "l":
		r.options.Lock = control.LockOff
	case "L":
		r.options.Lock = control.LockOn
	case "k":
		r.options.Lock = control.LockKeep
	case "z":
		r.hasArgv0 = true
	case "w":
		r.options.Warn = true
	case "v":
		r.verbose = true
	case "q":
		r.quiet = true
	default:
		return false
	}
	return true
}

// long reads one long option, whose value may be behind a = or in the next word.
func (r *run) long(option string, rest []string) ([]string, error) {
	name, value, has := strings.Cut(option, "=")
	switch name {
	case "help":
		return nil, errHelp
	case "early-attach":
		r.options.Early = true
	case "sync-io":
		r.options.SyncIO = true
	case "report":
		if !has {
			value = "text"
		}
		if value != "text" && value != "json" {
			return nil, fmt.Errorf("--report=%s: it is text or json", value)
		}
		r.report = value
		return rest, nil
	default:
		if takes, known := later[name]; known && !takes && len(name) > 1 {
			return nil, fmt.Errorf("--%s: not yet: this release does not have it", name)
		}
		if !has {
			if len(rest) == 0 {
				return nil, unknown("--"+name, longOptions[name] || later[name])
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, r.value(name, "--"+name, value)
	}
	if has {
		return nil, fmt.Errorf("--%s takes no value", name)
	}
	return rest, nil
}

// longOptions are those with a value that this release has.
var longOptions = map[string]bool{
	"shake": true, "seed": true, "grace": true, "state": true, "config": true, "report-file": true,
}

// unknown says what is wrong with an option at the end of the words.
func unknown(option string, known bool) error {
	if known {
		return fmt.Errorf("%s needs a value", option)
	}
	return fmt.Errorf("unknown option %s. Try: mosrun --help", option)
}

// value sets an option with a value; option is how the user wrote it.
func (r *run) value(name, option, value string) (err error) {
	switch name {
	case "N":
		return r.toNode(value)
	case "r":
		r.options.Host = value
	case "j":
		r.options.Among, err = parseSpans(value)
	case "J":
		if value == "" || len(value) > control.MaxTag {
			err = fmt.Errorf("a job id has 1 to %d bytes", control.MaxTag)
		}
		r.tag = value
	case "state":
		r.state = value
	case "config":
		r.config = value
	case "report-file":
		r.reportFile = value
	case "shake":
		r.options.Shake, err = parseDuration(value)
	case "grace":
		r.options.Grace, err = parseDuration(value)
	case "seed":
		if r.options.Seed, err = strconv.ParseUint(value, 10, 64); err != nil || r.options.Seed == 0 {
			err = fmt.Errorf("%q is not a positive number", value)
		}
	default:
		if later[name] {
			return fmt.Errorf("%s: not yet: this release does not have it", option)
		}
		return unknown(option, false)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", option, err)
	}
	return nil
}

func (r *run) toNode(word string) error {
	node, err := cluster.ParseNode(word)
	if err != nil {
		return err
	}
	r.options.Node = node
	return nil
}

func parseDuration(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration, such as 50ms or 30s", word)
	}
	return d, nil
}

func parseSpans(list string) ([]control.Span, error) {
	nodes, err := cluster.ParseNodes(list)
	if err != nil {
		return nil, err
	}
	var spans []control.Span
	for _, each := range nodes.Ranges {
		spans = append(spans, control.Span{From: wire.NodeID(each.From), To: wire.NodeID(each.To)})
	}
	if len(spans) > control.MaxSpans {
		return nil, fmt.Errorf("more than %d ranges", control.MaxSpans)
	}
	return spans, nil
}
