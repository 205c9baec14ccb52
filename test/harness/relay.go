package harness

import (
	"cmp"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Nobody is the user and group of unprivileged runs.
const Nobody = 65534

// Options say how to run the program, beyond its configuration.
type Options struct {
	Unprivileged bool       // as Nobody; needs root, and changes nothing without it
	Descriptors  uint64     // RLIMIT_NOFILE, soft and hard, from the start; 0 = inherited
	Namespace    *Namespace // network namespace to run in; nil = the test's own
	Service      *Service   // started as if by a service manager; nil = not
	Passed       []Passed   // descriptors that the Service gives it
	Program      string     // a copy of the program to run; "" = the program itself
	Environment  []string   // beyond that of the test
}

// Relay is a running program.
type Relay struct {
	Journal *Journal
	PID     int

	cmd       *exec.Cmd
	exited    chan struct{}   // closed when the process is gone and its log read
	heir      *heir           // the process that has taken over since; nil = none has
	baseline  Descriptors     // when it was ready
	atStart   map[string]bool // what the descriptors were then
	stopAsked bool            // the test ended it itself
}

// Start runs the program with this configuration and returns when it is ready.
// At the end of the test it is checked and stopped, see Finish.
func Start(t testing.TB, c *Config, options ...Options) *Relay {
	t.Helper()
	r := Launch(t, c.String(), options...)
	r.Line(t, "the line that says ready", func(l Line) bool { return l.Message == "ready" })
	r.rememberStart(t)
	t.Cleanup(func() { r.Finish(t) })
	return r
}

// Launch runs the program with this configuration text and does not wait for
// anything. The process is killed at the end of the test if it still runs.
func Launch(t testing.TB, text string, options ...Options) *Relay {
	t.Helper()
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	r := &Relay{
		Journal: newJournal(),
		cmd:     command(o, "run", "--config", WriteConfig(t, text)),
		exited:  make(chan struct{}),
	}
	r.start(t, o)
	t.Cleanup(func() { r.bury(t) })
	return r
}

// command prepares a run of the program.
func command(o Options, args ...string) *exec.Cmd {
	cmd := exec.Command(cmp.Or(o.Program, binary), args...)
	if len(o.Environment) > 0 {
		cmd.Env = append(os.Environ(), o.Environment...)
	}
	if o.Descriptors != 0 {
		cmd = limited(o.Descriptors, args)
	}
	if o.Service != nil {
		cmd = o.Service.command(cmd.Path, o.Passed, args)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if o.Unprivileged && os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: Nobody, Gid: Nobody}
	}
	return cmd
}

func (r *Relay) start(t testing.TB, o Options) {
	t.Helper()
	stderr, writeEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stdout, r.cmd.Stderr = writeEnd, writeEnd
	if o.Namespace == nil {
		err = Spawn(r.cmd)
	} else {
		err = o.Namespace.Do(r.cmd.Start) // its thread ends with the test, so no Pdeathsig
	}
	writeEnd.Close()
	if err != nil {
		stderr.Close()
		t.Fatal(err)
	}
	r.PID = r.cmd.Process.Pid
	go func() {
		r.Journal.follow(stderr)
		stderr.Close()
		_ = r.cmd.Wait() // the exit code is read from ProcessState
		close(r.exited)
	}()
}

// Line waits for a log line that match likes, past or future.
func (r *Relay) Line(t testing.TB, what string, match func(Line) bool) Line {
	t.Helper()
	line, ok := r.Journal.wait(Patience, match)
	if !ok {
		t.Fatalf("%s did not come; the log ends with:\n%s", what, r.Journal.Tail(20))
	}
	return line
}

// Message waits for a log line with this message.
func (r *Relay) Message(t testing.TB, message string) Line {
	t.Helper()
	return r.Line(t, "a line "+message, func(l Line) bool { return l.Message == message })
}

// Addresses are the real addresses of a listener or a drop, in the order of the
// configuration.
func (r *Relay) Addresses(name string) []string {
	var all []string
	for _, l := range r.Journal.Lines() {
		if l.Message == "listening" && (l.Listener == name || l.Drop == name) {
			all = append(all, l.Address)
		}
	}
	return all
}

// Address is the first address of a listener or a drop.
func (r *Relay) Address(t testing.TB, name string) string {
	t.Helper()
	all := r.Addresses(name)
	if len(all) == 0 {
		t.Fatalf("nothing listens for %q; the log:\n%s", name, r.Journal.Tail(20))
	}
	return all[0]
}

// Signal sends a signal.
func (r *Relay) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	r.stopAsked = true
	r.send(t, s)
}

// send sends a signal that does not end the program.
func (r *Relay) send(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(r.PID, s); err != nil {
		t.Fatalf("signal %v: %v", s, err)
	}
}

// Exit waits until the process is gone and returns its exit code; -1 says that a
// signal killed it.
func (r *Relay) Exit(t testing.TB) int {
	t.Helper()
	r.stopAsked = true
	select {
	case <-r.exited:
	case <-time.After(Patience):
		// Its goroutines land in the log that the failure shows.
		_ = syscall.Kill(r.PID, syscall.SIGQUIT)
		select {
		case <-r.exited:
		case <-time.After(Patience / 4):
			r.killAll()
			<-r.exited
		}
		t.Fatalf("the process did not end within %v", Patience)
	}
	if r.heir != nil {
		return r.heir.code()
	}
	return r.cmd.ProcessState.ExitCode()
}

// Running reports whether the process is still there.
func (r *Relay) Running() bool {
	gone := r.exited
	if r.heir != nil {
		gone = r.heir.gone
	}
	select {
	case <-gone:
		return false
	default:
		return true
	}
}
