package flow

import (
	"sync/atomic"

	"relay/relay/sock"
)

// CountCalls has every system call that m makes for a flow counted in n from now on. It
// costs an atomic addition a call, so only `relay bench` asks for it.
func (m *Mover) CountCalls(n *atomic.Uint64) {
	s := m.sys
	m.sys = system{
		recv: func(fd int, p []byte) (int, sock.Errno) {
			n.Add(1)
			return s.recv(fd, p)
		},
		send: func(fd int, p []byte, more bool) (int, sock.Errno) {
			n.Add(1)
			return s.send(fd, p, more)
		},
		splice: func(from, to, max int) (int, sock.Errno) {
			n.Add(1)
			return s.splice(from, to, max)
		},
		write: func(fd int, p []byte) (int, sock.Errno) {
			n.Add(1)
			return s.write(fd, p)
		},
	}
}

// CountCalls does the same for the calls that s makes on files, on the loop or on a
// worker. What it leaves to its Mover is counted there.
func (s *Sender) CountCalls(n *atomic.Uint64) {
	c := s.calls
	s.calls.splice = func(file int, offset int64, pipe, max int, wait bool) (int, sock.Errno) {
		n.Add(1)
		return c.splice(file, offset, pipe, max, wait)
	}
	s.calls.sendfile = func(socket, file int, offset int64, max int, wait bool) (int, sock.Errno) {
		n.Add(1)
		return c.sendfile(socket, file, offset, max, wait)
	}
	s.calls.read = counted(n, c.read)
	s.calls.readNow = counted(n, c.readNow)
	s.calls.send = func(socket int, p []byte, more bool) (int, sock.Errno) {
		n.Add(1)
		return c.send(socket, p, more)
	}
	s.calls.mapFile = func(file int, offset int64, length int) ([]byte, error) {
		n.Add(1)
		return c.mapFile(file, offset, length)
	}
	s.calls.unmap = func(p []byte) error {
		n.Add(1)
		return c.unmap(p)
	}
	s.calls.cached = func(file int, offset, length int64) (int64, sock.Errno) {
		n.Add(1)
		return c.cached(file, offset, length)
	}
	s.calls.readAhead = func(file int, offset, length int64) {
		n.Add(1)
		c.readAhead(file, offset, length)
	}
	s.calls.size = func(file int) (int64, sock.Errno) {
		n.Add(1)
		return c.size(file)
	}
}

// CountCalls does the same for the calls of r, on the loop or on a worker.
func (r *Receiver) CountCalls(n *atomic.Uint64) {
	c := r.calls
	r.calls.splice = func(from, to, max int) (int, sock.Errno) {
		n.Add(1)
		return c.splice(from, to, max)
	}
	r.calls.recv = func(socket int, p []byte) (int, sock.Errno) {
		n.Add(1)
		return c.recv(socket, p)
	}
	r.calls.spliceFile = func(pipe, file int, offset int64, max int) (int, sock.Errno) {
		n.Add(1)
		return c.spliceFile(pipe, file, offset, max)
	}
	r.calls.readPipe = func(pipe int, p []byte) (int, sock.Errno) {
		n.Add(1)
		return c.readPipe(pipe, p)
	}
	r.calls.write = counted(n, c.write)
}

func counted(n *atomic.Uint64, read func(int, []byte, int64) (int, sock.Errno)) func(int, []byte, int64) (int, sock.Errno) {
	return func(file int, p []byte, offset int64) (int, sock.Errno) {
		n.Add(1)
		return read(file, p, offset)
	}
}
