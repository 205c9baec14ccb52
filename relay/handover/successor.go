package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"relay/relay/drop"
	"relay/relay/proxy"
)

// environment is where the new process finds the number of its end of the socketpair.
const environment = "RELAY_HANDOVER"

// Successor is the new process, as the old one sees it. Its methods are called one at a
// time.
type Successor struct {
	Ready Ready // what it has, once it has come up
	// Patient has Give wait for as long as it takes: the new process serves by now, and is
	// not killed for being slow.
	Patient bool

	cmd     *exec.Cmd
	conn    *conn
	greeted chan error    // how the greeting ended
	exited  chan struct{} // closed when it has ended, and been waited for
}

// Start starts the program that is on disk now, and waits until it is ready to take over.
// If it is not, it is dead when Start returns, and nothing has changed. The descriptors of
// the listening sockets stay the caller's.
func Start(ctx context.Context, p Program, h Hello, handed Sockets, fds []int) (*Successor, error) {
	s, err := spawn(p, h, handed, fds)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.cmd.Process.Kill() })
	err = s.comeUp()
	if !stop() && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// greetMoment is how long the start waits for the greeting. What the connection does not
// hold is given when somebody receives it.
const greetMoment = 100 * time.Millisecond

// spawn starts the program. What that needs to serve lies ready when it begins, so that it
// can even if this process is killed at that very moment.
func spawn(p Program, h Hello, handed Sockets, fds []int) (*Successor, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	s := &Successor{conn: ours, greeted: make(chan error, 1), exited: make(chan struct{}), cmd: exec.Command(p.Path, p.Args...)}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	s.cmd.ExtraFiles = []*os.File{theirs}
	s.cmd.Env = append(childEnvironment(os.Environ()), environment+"=3")
	s.conn.limit(comeUpMost)
	go func() { s.greeted <- s.greet(h, handed, fds) }()
	select {
	case err = <-s.greeted:
		s.greeted <- err
	case <-time.After(greetMoment):
	}
	if err := bear(s.cmd, h.Notifier.On(), s.exited); err != nil {
		ours.Close()
		<-s.greeted
		return nil, fmt.Errorf("start the program on disk: %w", err)
	}
	return s, nil
}

// childEnvironment leaves out what is meant for this process alone: the service manager
// has bound it to its number.
func childEnvironment(all []string) []string {
	var kept []string
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case environment, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC":
		default:
			kept = append(kept, v)
		}
	}
	return kept
}

// greet says hello and gives the sockets, which whoever owns them must not close meanwhile.
func (s *Successor) greet(h Hello, handed Sockets, fds []int) error {
	h.Sockets = len(fds)
	if err := s.conn.send(hello, h, nil); err != nil {
		return err
	}
	for from := 0; from < len(fds); from += DescriptorsMost {
		to := min(from+DescriptorsMost, len(fds))
		if err := s.conn.send(sockets, Sockets{handed.Names[from:to]}, fds[from:to]); err != nil {
			return err
		}
	}
	return nil
}

// comeUp waits for the answer.
func (s *Successor) comeUp() error {
	s.conn.limit(comeUpMost)
	defer s.conn.limit(0)
	if err := <-s.greeted; err != nil {
		return s.explain(err)
	}
	m, err := s.expect(ready)
	if err != nil {
		return s.explain(err)
	}
	return m.read(&s.Ready)
}

// expect receives a message that has to be of one kind.
func (s *Successor) expect(k kind) (message, error) {
	m, err := s.conn.receive()
	if err != nil {
		return m, err
	}
	m.close() // the new process has nothing to give
	switch m.kind {
	case k:
		return m, nil
	case no:
		var r refusal
		if err := m.read(&r); err != nil {
			return m, err
		}
		return m, fmt.Errorf("%w: %s", errRefused, r.Why)
	}
	return m, fmt.Errorf("the new process answers %v instead of %v", m.kind, k)
}

// errRefused is an answer that says no.
var errRefused = errors.New("the new process refuses")

// explain says what an error on the connection means.
func (s *Successor) explain(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		select {
		case <-s.exited:
			return fmt.Errorf("the new process ended (%s) before it took over; what it had to say is in the log", s.fate())
		case <-time.After(exitMoment):
			return errors.New("the new process closed the connection: is the program on disk a relay that knows live upgrades?")
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the new process gave no answer within %v", comeUpMost)
	}
	return err
}

// exitMoment is how much later than its descriptors the end of a process shows.
const exitMoment = time.Second

// PID is the process's number.
func (s *Successor) PID() int { return s.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (s *Successor) Exited() <-chan struct{} { return s.exited }

// Take has the new process accept. The old one has stopped, so that the counts are
// complete but for its sessions.
func (s *Successor) Take(st State) error {
	s.conn.limit(AnswerMost)
	defer s.conn.limit(0)
	if err := s.conn.send(take, st, nil); err != nil {
		return s.explain(err)
	}
	_, err := s.expect(taken)
	return s.explain(err)
}

// Give moves sessions that are out of their loops. Without an error the new process goes
// on with them, and they are to Depart here. With one it does not: it has said no, or has
// ended, or else has been killed.
func (s *Successor) Give(sessions []proxy.Moved, conns []drop.Moved) error {
	if !s.Patient {
		s.conn.limit(AnswerMost)
	}
	defer s.conn.limit(0)
	b, fds := pack(sessions, conns)
	err := s.conn.send(batch, b, fds)
	if err == nil {
		_, err = s.expect(have)
	}
	if err == nil {
		err = s.conn.send(yours, nil, nil)
	}
	if err == nil || errors.Is(err, errRefused) {
		return err
	}
	if !errors.Is(err, io.EOF) {
		s.Kill() // it may have the batch, and wait for nothing but our end
	}
	return s.explain(err)
}

// Leave tells the new process what this one still has.
func (s *Successor) Leave(l Left) error {
	s.conn.limit(AnswerMost)
	return s.conn.send(left, l, nil)
}

// Farewell gives the last counters and ends the connection.
func (s *Successor) Farewell(c Counts) error {
	s.conn.limit(AnswerMost)
	defer s.conn.Close()
	return s.conn.send(farewell, c, nil)
}

// Kill makes sure that the new process uses nothing of what it was given: it is dead when
// Kill returns.
func (s *Successor) Kill() {
	s.cmd.Process.Kill()
	<-s.exited
	s.conn.Close()
}
