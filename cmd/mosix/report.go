package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"umosix/wire/control"
)

// startReporter leaves a process behind that waits for the end of the job and
// says what became of it. It is not the program's child and has a session of its
// own: the first process that is made here ends as soon as it has made the
// second.
func (r *run) startReporter(socket, job string) {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		r.warn("no report: %v", err)
		return
	}
	defer syscall.Close(null)
	out := 2
	if r.reportFile != "" {
		out, err = syscall.Open(r.reportFile, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC|syscall.O_CLOEXEC, 0o666)
		if err != nil {
			r.warn("no report: %s: %v", r.reportFile, err)
			return
		}
		defer syscall.Close(out)
	}
	warn := "quiet"
	if r.options.Warn {
		warn = "warn"
	}
	argv := []string{"mosix", "report", "first", socket, job, cmp.Or(r.report, "none"), warn}
	pid, err := syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Env:   []string{},
		Files: []uintptr{uintptr(null), uintptr(out), 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		r.warn("no report: %v", err)
		return
	}
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// runReport is the process that startReporter makes: `mosix report STAGE SOCKET
// JOB FORMAT WARN`. The report goes to its standard output, warnings to its
// standard error.
func runReport(args []string) int {
	if len(args) != 6 {
		fmt.Fprintln(os.Stderr, "mosix report: this is started by mosrun only")
		return exitUsage
	}
	if args[1] == "first" {
		again := append([]string{"mosix", "report", "second"}, args[2:]...)
		_, err := syscall.ForkExec("/proc/self/exe", again, &syscall.ProcAttr{Dir: "/", Env: []string{}, Files: []uintptr{0, 1, 2}})
		return report("mosrun", err)
	}
	r := reporter{client: control.Client{Socket: args[2]}, job: args[3], format: args[4], warn: args[5] == "warn"}
	return report("mosrun", r.wait())
}

// reporter waits for the end of a job.
type reporter struct {
	client control.Client
	job    string
	format string // text, json or none
	warn   bool
}

// rejoinTime is how long a reporter looks for a new mosd when its own has gone.
const rejoinTime = 10 * time.Second

// wait watches the job until it has ended, through the end of a mosd.
func (r *reporter) wait() error {
	var gone time.Time
	for {
		done := false
		err := r.client.Watch(r.job, func(news control.News) error {
			done = news.Report != nil
			gone = time.Time{}
			return r.tell(news)
		})
		if done {
			return err
		}
		if gone.IsZero() {
			gone = time.Now()
		}
		if time.Since(gone) > rejoinTime {
			return fmt.Errorf("no report of job %s: %w", r.job, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (r *reporter) tell(news control.News) error {
	if event := news.Event; event != nil {
		if r.warn && (event.Kind == "pinned" || event.Kind == "refused") || event.Kind == "lost" {
			fmt.Fprintf(os.Stderr, "mosrun: process %d %s: %s\n", event.Pid, event.Kind, event.Text)
		}
		return nil
	}
	switch r.format {
	case "json":
		return printJSON(os.Stdout, news.Report)
	case "text":
		return printReport(os.Stdout, news.Report)
	}
	return nil
}

func printReport(w io.Writer, r *control.Report) error {
	text := fmt.Sprintf("mosrun: job %s: %.2f s, %d processes\n"+
		"mosrun: CPU %.2f s at home, %.2f s away; %d moves, frozen %.1f ms; %d bytes moved\n",
		r.Job, r.Wall, r.Procs, r.CPUHere, r.CPUAway, r.Moves, 1e3*r.Freeze, r.Bytes)
	if r.Lost > 0 {
		text += fmt.Sprintf("mosrun: %d processes were lost with their node\n", r.Lost)
	}
	type call struct {
		name string
		n    uint64
	}
	var calls []call
	for name, n := range r.Calls {
		calls = append(calls, call{name, n})
	}
	slices.SortFunc(calls, func(a, b call) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name))
	})
	for _, c := range calls {
		text += fmt.Sprintf("mosrun: %10d %s\n", c.n, c.name)
	}
	_, err := io.WriteString(w, text)
	return err
}
