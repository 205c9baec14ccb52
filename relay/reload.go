package relay

import (
	"errors"
	"strings"
	"sync"
	"time"

	"relay/config"
	"relay/relay/admin"
)

// reloads is what is remembered of them, for the status.
type reloads struct {
	one    sync.Mutex // one at a time, the reading of the file included
	mu     sync.Mutex
	last   *admin.Reload
	good   uint64
	failed uint64
}

// errNotServing is why a reload came at the wrong time.
var errNotServing = errors.New("relay is starting, draining or leaving; nothing is reloaded")

// Reload reads the file again and goes over to what it says. Running sessions go on, and
// what is known of everything that stays is kept. A bad file, or one that asks for what
// cannot be had (an address in use, a missing directory), changes nothing.
func (s *Server) Reload() admin.Reload {
	s.reloads.one.Lock()
	defer s.reloads.one.Unlock()
	// The file may be a pipe or on a disk that hangs: a drain does not wait for that.
	c, err := config.Load(s.started.File)
	s.control.Lock()
	defer s.control.Unlock()
	s.arriving.Lock()
	defer s.arriving.Unlock()
	r := admin.Reload{At: time.Now()}
	if s.state.Load() == serving {
		s.said(s.notifier.Reloading())
		defer func() { s.said(s.notifier.Ready()) }()
	}
	if err == nil {
		err = s.goOver(c)
	}
	if err != nil {
		r.Errors = strings.Split(err.Error(), "\n")
		s.log.Error().Strs("errors", r.Errors).Msg("reload refused; the configuration in force stays")
	} else {
		r.Restart = needRestart(s.started, c)
		r.OK = true
		s.reloaded(c, &r)
	}
	s.reloads.note(&r)
	return r
}

// goOver has everything be as c says, or leaves it as it was.
func (s *Server) goOver(c *config.Config) error {
	if s.state.Load() != serving {
		return errNotServing
	}
	next, err := s.prepare(c)
	if err != nil {
		return err
	}
	before := s.parts.Load().config
	s.commit(next)
	setLogLevel(c.Log.Level)
	if c.Engine.SessionsMax != before.Engine.SessionsMax || Needs(c).Bundles != Needs(before).Bundles {
		s.limitSessions(c)
	}
	return nil
}

func (s *Server) limitSessions(c *config.Config) {
	allowed, err := raiseDescriptors(c, s.log)
	if err != nil {
		s.log.Warn().Err(err).Msg("sessions_max stays as it was")
		return
	}
	s.capacity.SetMost(allowed.sessions)
}

func (s *Server) reloaded(c *config.Config, r *admin.Reload) {
	line := s.log.Info()
	if len(r.Restart) > 0 {
		line = s.log.Warn().Strs("need_restart", r.Restart)
	}
	line.Int("listeners", len(c.Listeners)).Int("upstreams", len(c.Upstreams)).Int("drops", len(c.Drops)).
		Dur("took_ms", time.Since(r.At)).Msg("reloaded")
}

func (rs *reloads) note(r *admin.Reload) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.last = r
	if r.OK {
		rs.good++
	} else {
		rs.failed++
	}
}
