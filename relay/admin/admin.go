package admin

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"relay/config"
)

// Server is the admin interface on one address.
type Server struct {
	config   config.Admin   // with the address where it listens
	asked    config.Address // what the configuration calls it
	relay    Relay
	log      zerolog.Logger
	token    string // what changes need; empty on a unix socket
	listener net.Listener
	http     *http.Server
	rates    rates
	running  sync.WaitGroup
}

const (
	// headTime and bodyTime bound how long a client may take to say what it wants.
	headTime = 5 * time.Second
	bodyTime = 10 * time.Second
	// answerTime bounds an answer.
	answerTime = 30 * time.Second
	// connectionsMost bounds the connections, whoever opens them and whatever for; the
	// others wait to be accepted. They must not take the descriptors of sessions, for
	// which relay keeps all but a few (its reserve).
	connectionsMost = 64
	// stopTime is how long requests may finish when the interface closes.
	stopTime = time.Second
)

// Open listens; Serve answers. It makes the token if one is needed and not there. named
// are the sockets that systemd passed under the name that the configuration asks for;
// they stay the caller's.
func Open(c config.Admin, r Relay, log zerolog.Logger, named []int) (*Server, error) {
	return open(&Server{config: c, asked: c.Listen, relay: r, log: log}, named)
}

func open(s *Server, named []int) (*Server, error) {
	if err := s.open(named); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.guard(s.routes()),
		ReadHeaderTimeout: headTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       stdlog.New(s.log.With().Str("level", "warn").Str("part", "admin").Logger(), "", 0),
	}
	return s, nil
}

// open knows after it where it listens, and so who is to be let in.
func (s *Server) open(named []int) error {
	c := &s.config
	if c.Listen.Systemd != "" {
		if err := s.borrow(named); err != nil {
			return fmt.Errorf("admin: listen %s: %w", s.asked, err)
		}
	}
	if c.Guarded() {
		token, err := Token(c.TokenFile)
		if err != nil {
			s.closeListener()
			return fmt.Errorf("admin: token_file: %w", err)
		}
		s.token = token
	}
	var err error
	switch {
	case s.listener != nil:
	case c.Listen.IsUnix():
		s.listener, err = listenUnix(c.Listen.Unix)
	default:
		s.listener, err = net.Listen("tcp", c.Listen.TCP.String())
	}
	if err != nil {
		return fmt.Errorf("admin: listen %s: %w", c.Listen, err)
	}
	return nil
}

func (s *Server) closeListener() {
	if s.listener != nil {
		s.listener.Close()
	}
}

// unixMode lets the owner and the group of the process in.
const unixMode = 0o660

// listenUnix takes the place of a socket that a dead process left behind. Linux gives the
// file the mode that the socket has when it is bound, so nobody else is ever let in.
func listenUnix(path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, syscall.EADDRINUSE
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		os.Remove(path)
	}
	how := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), unixMode) }), err)
	}}
	l, err := how.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, unixMode) // gives back what the process's mask took away
}

// Address is where it listens.
func (s *Server) Address() string {
	if s.config.Listen.IsUnix() {
		return s.config.Listen.String()
	}
	return s.listener.Addr().String()
}

// Same reports whether another configuration asks for this very address.
func (s *Server) Same(c config.Admin) bool { return s.asked == c.Listen }

// Serve answers until Close.
func (s *Server) Serve() {
	s.log.Info().Str("address", s.Address()).Msg("admin listening")
	s.running.Go(func() {
		if err := s.http.Serve(netutil.LimitListener(s.listener, connectionsMost)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().Err(err).Msg("admin interface stopped")
		}
	})
}

// Close lets requests finish, for a moment, and ends the interface.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	s.listener.Close()
	s.running.Wait()
}
