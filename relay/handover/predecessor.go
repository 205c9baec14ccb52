package handover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"relay/relay/systemd"
)

// Predecessor is the old process, as the new one sees it.
type Predecessor struct {
	Hello   Hello
	AdminAt string // where its admin interface listens; "" = it has none
	AdminFD int

	sockets []systemd.Socket

	conn  *conn
	ready Ready

	mu     sync.Mutex // held while a batch changes hands
	closed bool       // by this process
}

// Inherited finds the process that has started this one to hand over to it; nil if this
// is a start like any other. It is called once, before anything else opens descriptors.
func Inherited() (*Predecessor, error) {
	text, ok := os.LookupEnv(environment)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(environment)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s=%s is not a descriptor", environment, text)
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "handover")
	defer f.Close()
	c, err := newConn(f)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", environment, text, err)
	}
	p := &Predecessor{conn: c}
	if err := p.meet(); err != nil {
		p.Refuse(err)
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	return p, nil
}

// meet takes what the new process needs to come up.
func (p *Predecessor) meet() error {
	p.conn.limit(AnswerMost)
	defer p.conn.limit(0)
	m, err := p.expect(hello)
	if err != nil {
		return err
	}
	if err := m.read(&p.Hello); err != nil {
		return err
	}
	for got := 0; got < p.Hello.Sockets; got += len(m.fds) {
		if m, err = p.expect(sockets); err != nil {
			return err
		}
		var some Sockets
		if err := m.read(&some); err != nil {
			return err
		}
		if len(some.Names) != len(m.fds) || len(m.fds) == 0 {
			return fmt.Errorf("%d listening sockets with %d descriptors", len(some.Names), len(m.fds))
		}
		for i, name := range some.Names {
			p.receive(name, m.fds[i])
		}
	}
	return nil
}

func (p *Predecessor) receive(name string, fd int) {
	if at, ok := strings.CutPrefix(name, AdminPrefix); ok {
		p.AdminAt, p.AdminFD = at, fd
		return
	}
	p.sockets = append(p.sockets, systemd.Socket{Name: name, FD: fd})
}

// Given is what a process has of the service manager that is started by it: here it is
// the old process that passes it on, with the listening sockets that are its own.
func (p *Predecessor) Given() systemd.Given {
	return systemd.Given{Notifier: p.Hello.Notifier, Sockets: p.sockets}
}

// expect receives a message that has to be of one kind.
func (p *Predecessor) expect(k kind) (message, error) {
	m, err := p.conn.receive()
	if err == nil && m.kind != k {
		m.close()
		err = fmt.Errorf("the old process sends %v instead of %v", m.kind, k)
	}
	return m, err
}

// Refuse says why this process will not take over. It ends after that.
func (p *Predecessor) Refuse(why error) {
	p.conn.limit(AnswerMost)
	p.conn.send(no, refusal{why.Error()}, nil) // without an answer the end of this process says it
	p.conn.Close()
}

// Close gives up on the old process: this one is told to end. A batch that is changing
// hands is waited for. It may be called beside Ready and Next.
func (p *Predecessor) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.conn.Close()
}

// errClosed is why nothing more comes from the old process.
var errClosed = errors.New("this process was told to end")

// isClosed reports whether it is this process that has ended the connection.
func (p *Predecessor) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Ready says that this process can take over, and waits until it is to. Without a State
// the old process is dead, and has left the listening sockets alone.
func (p *Predecessor) Ready(r Ready) (*State, error) {
	p.ready = r
	err := p.conn.send(ready, r, nil)
	var m message
	if err == nil {
		m, err = p.expect(take)
	}
	if err != nil && p.isClosed() {
		return nil, errClosed
	}
	if err != nil {
		return nil, died(err)
	}
	st := &State{}
	return st, m.read(st)
}

// died leaves of an error what is not the old process's death.
func died(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Taken says that this process accepts.
func (p *Predecessor) Taken() error { return died(p.conn.send(taken, nil, nil)) }

// Arrived are sessions that are this process's own now, with their descriptors.
type Arrived struct {
	Batch
	fds []int
}

// FD is the descriptor of a number.
func (a *Arrived) FD(number int) int { return a.fds[number] }

// Next waits for what comes next: an *Arrived, a *Left, a *Counts. io.EOF says that the
// old process has ended.
func (p *Predecessor) Next() (any, error) {
	m, err := p.conn.receive()
	if err != nil {
		return nil, err
	}
	switch m.kind {
	case batch:
		return p.hold(m)
	case left:
		l := &Left{}
		return l, m.read(l)
	case farewell:
		c := &Counts{}
		return c, m.read(c)
	}
	m.close()
	return nil, fmt.Errorf("the old process sends %v", m.kind)
}

// hold has a batch, and waits until it is this process's own. If the old one dies
// meanwhile, it is: nobody else can go on with it.
func (p *Predecessor) hold(m message) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		m.close()
		return nil, io.EOF
	}
	a := &Arrived{fds: m.fds}
	err := m.read(&a.Batch)
	if err == nil {
		err = a.check(len(m.fds), &p.ready)
	}
	if err != nil {
		m.close()
		err = fmt.Errorf("a batch that makes no sense: %w", err)
		p.Refuse(err) // the old process goes on with it once this one is dead
		return nil, err
	}
	if err := died(p.conn.send(have, nil, nil)); err != nil {
		m.close()
		return nil, err
	}
	if _, err := p.expect(yours); died(err) != nil {
		m.close()
		return nil, err
	}
	return a, nil
}
