package relay

import (
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/admin"
	"relay/relay/drop"
	"relay/relay/forward"
	"relay/relay/listen"
	"relay/relay/proxy"
	"relay/relay/upstream"
)

// parts are what one configuration names, built. Those that were there before are found
// again by identity (a listener, drop or upstream by its name, a socket or backend by
// its address), with all that is known of them.
type parts struct {
	config    *config.Config
	services  []*service
	upstreams map[string]*upstream.Upstream
	targets   map[string]*proxy.Target // the same, as sessions reach them
	admin     *admin.Server            // nil = none
}

// service is a listener or drop at work.
type service struct {
	*listen.Service
	listener  *proxy.Listener    // nil for a drop
	drop      *drop.Drop         // nil for a listener
	acceptors []*listen.Acceptor // one for each worker
	forwarder *forward.Forwarder // nil for what forwards nothing, or has handed it on
	forwards  *config.Drop       // what the forwarder was made with
	adopted   bool               // the forwarder was at work before
}

// taker is who serves the connections of the service on a worker.
func (s *service) taker(w *worker) listen.Taker {
	if s.drop != nil {
		return w.conns.Taker(s.drop)
	}
	return w.sessions.Taker(s.listener)
}

// prepare builds the parts of a configuration next to those at work, and opens what is
// new, so that nothing can fail any more when it takes their place. On an error all is
// as it was.
func (s *Server) prepare(c *config.Config) (*parts, error) {
	now := s.parts.Load()
	next := &parts{config: c, upstreams: map[string]*upstream.Upstream{}}
	err := s.fill(next, now)
	if err != nil {
		next.discard()
		return nil, err
	}
	return next, nil
}

func (s *Server) fill(next, now *parts) error {
	targets, err := s.fillUpstreams(next, now)
	if err != nil {
		return err
	}
	before := now.listening()
	chunk := next.config.Engine.SpliceChunk
	for i := range next.config.Listeners {
		c := &next.config.Listeners[i]
		service, err := s.open(next, "listener", c.Service, before)
		if err != nil {
			return err
		}
		service.listener = proxy.NewListener(service.Service, c, targets, chunk)
	}
	for i := range next.config.Drops {
		c := &next.config.Drops[i]
		service, err := s.open(next, "drop", c.Service, before)
		if err != nil {
			return err
		}
		if service.drop, err = drop.NewDrop(service.Service, c, chunk); err != nil {
			return fmt.Errorf("drop %q: %w", c.Name, err)
		}
		if address := service.drop.TokensInClear(); address != "" {
			s.log.Warn().Str("drop", c.Name).Str("address", address).
				Msg("tokens cross the network in clear: keep this address within a network or a tunnel that you trust")
		}
		s.prepareForward(service, c)
	}
	next.admin, err = s.interfaceOf(next.config.Admin)
	return err
}

// fillUpstreams builds each upstream, also one that is there already: that says whether
// its new configuration will do, and what the kernel has to say to it.
func (s *Server) fillUpstreams(next, now *parts) (map[string]*proxy.Target, error) {
	targets := map[string]*proxy.Target{}
	for _, c := range next.config.Upstreams {
		u, err := upstream.New(c, s.log)
		if err != nil {
			return nil, err
		}
		u.OnDown = s.resetOn
		t, err := proxy.NewTarget(u)
		if err != nil {
			return nil, err
		}
		if old := now.upstreams[c.Name]; old != nil {
			t.Upstream = old
		}
		targets[c.Name], next.upstreams[c.Name] = t, t.Upstream
	}
	next.targets = targets
	return targets, nil
}

// startUpstreams sets going those that were not at work before. Their first look at
// their backends (a lookup of their names, say) is waited for.
func (p *parts) startUpstreams(before map[string]*upstream.Upstream) {
	var fresh sync.WaitGroup
	for name, u := range p.upstreams {
		if before[name] == nil {
			fresh.Go(u.Start)
		}
	}
	fresh.Wait()
}

// stopUpstreams ends those that are not at work any more.
func (p *parts) stopUpstreams(after map[string]*upstream.Upstream) {
	for name, u := range p.upstreams {
		if after[name] == nil {
			u.Stop()
		}
	}
}

// resetOn has every loop end its sessions on a backend that is down.
func (s *Server) resetOn(b *upstream.Backend) {
	for _, w := range s.workers {
		w.loop.Post(func() { w.sessions.ResetOn(b) })
	}
}

// open adds a service, with its sockets.
func (s *Server) open(p *parts, role string, c config.Service, before []*listen.Service) (*service, error) {
	l, err := listen.Renew(before, s.inheritance, role, c, s.capacity, s.log)
	if err != nil {
		return nil, err
	}
	one := &service{Service: l}
	p.services = append(p.services, one)
	return one, nil
}

// listening are the services, without what serves them.
func (p *parts) listening() []*listen.Service {
	all := make([]*listen.Service, len(p.services))
	for i, s := range p.services {
		all[i] = s.Service
	}
	return all
}

// successor is the service that takes the place of another, or nil.
func (p *parts) successor(of *service) *service {
	return p.named(of.Role, of.Config.Name)
}

// attach gives each service an acceptor on every loop.
func (p *parts) attach(workers []*worker) {
	for _, service := range p.services {
		service.attach(workers)
	}
}

func (s *service) attach(workers []*worker) {
	places := make([]listen.Place, len(workers))
	for i, w := range workers {
		places[i] = listen.Place{Loop: w.loop, Taker: s.taker(w)}
	}
	s.acceptors = listen.Attach(s.Service, places)
}

// startDrops begins what drops do beside their requests.
func (p *parts) startDrops(log zerolog.Logger) {
	for _, s := range p.services {
		if s.drop != nil {
			s.drop.Start(log)
		}
	}
}

// discard closes what was opened for parts that never went to work.
func (p *parts) discard() {
	for _, s := range p.services {
		s.Discard()
		if s.drop != nil {
			s.drop.Close()
		}
	}
}

// close closes everything, when no loop runs any more.
func (p *parts) close() {
	for _, s := range p.services {
		s.Close()
		if s.drop != nil {
			s.drop.Close()
		}
	}
	if p.admin != nil {
		p.admin.Close()
	}
}
