package listen

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
	"relay/relay/sock"
	"relay/relay/systemd"
)

// Inheritance is the listening sockets that this process was given at its start. There
// are two kinds. Those of socket units have the names that people gave them; they are
// borrowed as "systemd:NAME", as often as a configuration asks for them, and stay the
// unit's. Those that an earlier process of ours opened have a key for a name (see
// keyOf); each is taken by whom it was opened for, once, and is then like one that we
// opened.
//
// It is changed by New and reloads only, one at a time. The zero value is an empty one.
type Inheritance struct {
	// Strict has sockets of another process opened anew whose options (buffers,
	// keepalive …) differ from what is configured now, because nobody else uses them.
	Strict   bool
	borrowed []systemd.Socket
	left     []systemd.Socket
	closed   []string // keys of those that were of no use
}

// NewInheritance sorts what was given. Whatever is no listening socket is closed, and
// reported as a mistake at the end.
func NewInheritance(given []systemd.Socket) (*Inheritance, error) {
	in := &Inheritance{}
	var odd []string
	for _, g := range given {
		switch {
		case !listening(g.FD):
			sock.Close(g.FD)
			if isKey(g.Name) { // it was ours, and was shut down
				in.closed = append(in.closed, g.Name)
			} else {
				odd = append(odd, g.Name)
			}
			continue
		case isKey(g.Name):
			in.left = append(in.left, g)
		default:
			in.borrowed = append(in.borrowed, g)
		}
		unix.SetNonblock(g.FD, true)
	}
	if odd != nil {
		return in, fmt.Errorf("systemd passed %q, which is not a listening stream socket; in the socket unit write ListenStream= and Accept=no", odd)
	}
	return in, nil
}

// listening reports that a descriptor is a stream socket which accepts.
func listening(fd int) bool {
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	kind, err2 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	// A unix socket that was shut down still says that it accepts.
	return err == nil && err2 == nil && accepts == 1 && kind == unix.SOCK_STREAM && !sock.HungUp(fd)
}

// Names are those of the socket units' sockets, each once.
func (in *Inheritance) Names() []string {
	var all []string
	for _, b := range in.borrowed {
		if !slices.Contains(all, b.Name) {
			all = append(all, b.Name)
		}
	}
	return all
}

// Named are the sockets of a name. They stay the inheritance's.
func (in *Inheritance) Named(name string) []int {
	var all []int
	for _, b := range in.borrowed {
		if b.Name == name {
			all = append(all, b.FD)
		}
	}
	return all
}

// Borrowed are all sockets of socket units, for another process. They stay the
// inheritance's.
func (in *Inheritance) Borrowed() []systemd.Socket { return in.borrowed }

// CloseRest closes what an earlier process has left and nobody has taken: clients are
// not to wait where nobody accepts any more. It returns the keys of all that was of no
// use.
func (in *Inheritance) CloseRest() []string {
	for _, l := range in.left {
		in.closeOne(l)
	}
	in.left = nil
	closed := in.closed
	in.closed = nil
	return closed
}

func (in *Inheritance) closeOne(l systemd.Socket) {
	if in.Strict {
		sock.Shutdown(l.FD, unix.SHUT_RDWR) // the manager's duplicate would go on accepting
	}
	sock.Close(l.FD)
	in.closed = append(in.closed, l.Name)
}

// Close closes everything.
func (in *Inheritance) Close() {
	for _, s := range slices.Concat(in.left, in.borrowed) {
		sock.Close(s.FD)
	}
	in.left, in.borrowed = nil, nil
}

// Prune closes what an earlier process has left for places that are not in use any more.
// It comes before anything is opened: one may be in the way of another (a socket on all
// addresses, where now one on a single address is to be).
func (in *Inheritance) Prune(keys []string) {
	in.left = slices.DeleteFunc(in.left, func(l systemd.Socket) bool {
		if slices.ContainsFunc(keys, func(key string) bool { return stem(key) == stem(l.Name) }) {
			return false
		}
		in.closeOne(l)
		return true
	})
}

// take gives the socket that an earlier process opened for a place, or nil.
func (in *Inheritance) take(at place, c *config.Service) *socket {
	key := keyOf(at, c)
	i := slices.IndexFunc(in.left, func(l systemd.Socket) bool { return stem(l.Name) == stem(key) })
	if i < 0 {
		return nil
	}
	l := in.left[i]
	in.left = slices.Delete(in.left, i, i+1)
	so, ok := inherited(l.FD, at)
	if !ok || in.Strict && l.Name != key {
		in.closeOne(l)
		return nil
	}
	relisten(l.FD, c)
	so.key = key
	so.kept.Store(true) // until it is put to work
	return so
}

// borrow opens the sockets that a socket unit has under a name, beyond those that
// services have already.
func (in *Inheritance) borrow(name string, c *config.Service) ([]*socket, error) {
	fds := in.Named(name)
	if len(fds) == 0 {
		return nil, in.nothingNamed(name)
	}
	var all []*socket
	for n, fd := range fds {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		so, _ := inherited(own, place{address: config.Address{Systemd: name}, n: n})
		so.kept.Store(true)
		so.path = "" // the unit's to remove
		all = append(all, so)
		if err := so.settle(c); err != nil {
			closeAll(all)
			return nil, err
		}
	}
	return all, nil
}

func (in *Inheritance) nothingNamed(name string) error {
	if names := in.Names(); len(names) > 0 {
		return fmt.Errorf("systemd passed no socket of this name, only %q; write FileDescriptorName=%s below [Socket] in its unit, and start relay anew", names, name)
	}
	return fmt.Errorf("systemd passed no sockets; start the socket unit that has FileDescriptorName=%s, and relay through it (systemctl start)", name)
}

// settle does to a socket of a unit what the configuration asks for.
func (so *socket) settle(c *config.Service) error {
	relisten(so.fd, c)
	if so.kind != flow.TCP {
		return nil
	}
	if c.MPTCP && !multipath(so.fd) {
		return fmt.Errorf("mptcp: %s is no Multipath TCP socket; write SocketProtocol=mptcp in its unit", so.name)
	}
	sock.SetInt(so.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if refused, errno := settings(c).Apply(so.fd); errno != 0 {
		return Explain(refused, errno)
	}
	return nil
}

func multipath(fd int) bool {
	p, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	return err == nil && p == unix.IPPROTO_MPTCP
}

// relisten sets the backlog of a socket that listens already. What waits in it stays.
func relisten(fd int, c *config.Service) {
	backlog := c.Backlog
	if backlog == 0 {
		backlog = sock.Backlog
	}
	unix.Listen(fd, backlog)
}

// inherited makes a socket of a descriptor. ok is false when it is of no use: a unix
// socket whose file is gone is one that nobody can find.
func inherited(fd int, at place) (so *socket, ok bool) {
	bound := sock.LocalAddress(fd)
	so = &socket{fd: fd, asked: at, kind: flow.TCP}
	if bound.Family() != unix.AF_UNIX {
		so.name = bound.AddrPort().String()
		return so, true
	}
	path := bound.UnixPath()
	so.kind, so.name = flow.Unix, "unix:"+path
	if strings.HasPrefix(path, "@") {
		return so, true
	}
	so.path = path
	return so, isSocketFile(path)
}

func closeAll(sockets []*socket) {
	for _, so := range sockets {
		so.close()
	}
}
