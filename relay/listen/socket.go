package listen

import (
	"errors"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/flow"
	"relay/relay/sock"
)

// socket is one listening socket, watched by every loop.
type socket struct {
	fd       int
	kind     flow.Kind
	path     string       // of a unix socket in the file system, to be removed
	name     string       // what the log calls it
	asked    place        // what it was opened for
	key      string       // its name where it is left, see keyOf; "" = it is a socket unit's
	watchers atomic.Int32 // loops that watch it, or are about to
	closed   atomic.Bool
	kept     atomic.Bool // somebody else has it too, and it goes on accepting there
}

func open(a config.Address, c *config.Service) (*socket, error) {
	if a.IsUnix() {
		return openUnix(a.Unix, c.Backlog)
	}
	at, err := sock.TCPAddress(a.TCP)
	if err != nil {
		return nil, err
	}
	how := sock.Listening{Backlog: c.Backlog, MPTCP: c.MPTCP, Settings: settings(c)}
	fd, refused, err := how.Open(&at)
	if refused != nil {
		return nil, Explain(refused, err)
	}
	if err != nil {
		return nil, err
	}
	bound := sock.LocalAddress(fd)
	return &socket{fd: fd, kind: flow.TCP, name: bound.AddrPort().String()}, nil
}

// openUnix takes the place of a socket that a dead process left behind, never that of
// a live one.
func openUnix(path string, backlog int) (*socket, error) {
	at, err := sock.UnixAddress(path)
	if err != nil {
		return nil, err
	}
	so := &socket{kind: flow.Unix, name: "unix:" + path}
	if path[0] != '@' {
		so.path = path
	}
	how := sock.Listening{Backlog: backlog}
	so.fd, _, err = how.Open(&at)
	if errors.Is(err, unix.EADDRINUSE) && so.path != "" && stale(path, &at) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		so.fd, _, err = how.Open(&at)
	}
	if err != nil {
		return nil, err
	}
	return so, nil
}

// stale reports that path is a socket nobody listens on.
func stale(path string, at *sock.Address) bool {
	if !isSocketFile(path) {
		return false
	}
	fd, errno := sock.Dial(at)
	if errno == 0 {
		sock.Close(fd)
	}
	return errno == unix.ECONNREFUSED
}

func isSocketFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == os.ModeSocket
}

// close ends a socket that no loop watches (any more). Shutdown comes first: a
// descriptor that someone holds a duplicate of would go on accepting. Where that is what
// is wanted, it is only closed.
func (so *socket) close() {
	if so.closed.Swap(true) {
		return
	}
	if so.kept.Load() {
		sock.Close(so.fd)
		return
	}
	sock.Shutdown(so.fd, unix.SHUT_RDWR)
	sock.Close(so.fd)
	if so.path != "" {
		os.Remove(so.path)
	}
}
