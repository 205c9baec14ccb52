package peer

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a listening socket of the test: a backend of the program. What it
// accepts goes to Accept, or to the function it was made with.
type Server struct {
	Address string // in the program's spelling

	listener net.Listener
	fresh    chan *Conn
	serve    func(*Conn)
	accepted atomic.Int64

	mu     sync.Mutex
	closed bool
	conns  map[*Conn]struct{}
	done   sync.WaitGroup
}

// backlog is how many accepted connections may wait for Accept.
const backlog = 1 << 16

// Listen makes a server whose connections the test takes with Accept.
func Listen(address string) (*Server, error) { return Serve(address, nil) }

// Serve makes a server that runs serve on every connection, each on its own
// goroutine, and closes the connection when it returns.
func Serve(address string, serve func(*Conn)) (*Server, error) {
	network, name := split(address)
	l, err := net.Listen(network, name)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Address: address, listener: l, serve: serve,
		fresh: make(chan *Conn, backlog), conns: map[*Conn]struct{}{},
	}
	if network == "tcp" {
		s.Address = l.Addr().String()
	} else if err := os.Chmod(name, 0o777); err != nil { // whoever runs the program may connect
		l.Close()
		return nil, err
	}
	s.done.Add(1)
	go s.accept()
	return s, nil
}

func (s *Server) accept() {
	defer s.done.Done()
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		c, err := wrap(raw)
		if err != nil || !s.keep(c) {
			raw.Close()
			continue
		}
		s.accepted.Add(1)
		if s.serve == nil {
			s.fresh <- c
			continue
		}
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			s.serve(c)
			c.Close()
			s.forget(c)
		}()
	}
}

// keep remembers a connection to be closed at the end.
func (s *Server) keep(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = struct{}{}
	}
	return !s.closed
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Accept is the next connection.
func (s *Server) Accept(patience time.Duration) (*Conn, error) {
	select {
	case c := <-s.fresh:
		s.forget(c)
		return c, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("no connection at %s within %v", s.Address, patience)
	}
}

// Accepted is how many connections came in all.
func (s *Server) Accepted() int64 { return s.accepted.Load() }

// CloseConns closes every connection that was not taken by Accept.
func (s *Server) CloseConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Close closes the server and every connection that was not taken by Accept, and
// waits until all its functions have returned.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.listener.Close()
	s.CloseConns()
	s.done.Wait()
}
