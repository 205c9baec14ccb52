package listen

import (
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"relay/config"
)

// place is what makes a listening socket the same from one configuration to the next:
// its address. Port 0 is no address yet, so there it is the n-th of its service.
type place struct {
	address config.Address
	service string
	n       int
}

func placeOf(role string, c *config.Service, i int) place {
	a := c.Listen[i]
	if a.IsUnix() || a.TCP.Port() != 0 {
		return place{address: a}
	}
	p := place{address: a, service: role + " " + c.Name}
	for _, b := range c.Listen[:i] {
		if b == a {
			p.n++
		}
	}
	return p
}

// Open opens a service's sockets; on an error none stays open.
func Open(role string, c config.Service, capacity *Capacity, log zerolog.Logger) (*Service, error) {
	return Renew(nil, &Inheritance{}, role, c, capacity, log)
}

// Renew is Open beside services that are at work, and with sockets that were given. One
// that is open already is taken over, whatever that service is called, and never opened
// anew: what waits in its backlog is not lost. On an error nothing stays open that was
// not before.
func Renew(before []*Service, from *Inheritance, role string, c config.Service, capacity *Capacity, log zerolog.Logger) (*Service, error) {
	s := &Service{
		Config: c, Role: role, capacity: capacity,
		log: log.With().Str(role, c.Name).Logger(), counts: &counts{},
		sources: newSources(c.SessionsMaxPerSource, c.SessionRatePerSource),
	}
	if old := s.Predecessor(before); old != nil {
		s.counts = old.counts
		if s.sources != nil && old.sources != nil {
			s.sources = old.sources
		}
	}
	for i, address := range c.Listen {
		if err := s.addSockets(before, from, i); err != nil {
			s.Discard()
			return nil, fmt.Errorf("%s %q: listen %s: %w", role, c.Name, address, err)
		}
	}
	s.warnOfFastOpen()
	return s, nil
}

// addSockets finds or opens the sockets of an address. It is one, but for a name that
// systemd has given to several.
func (s *Service) addSockets(before []*Service, from *Inheritance, i int) error {
	c := &s.Config
	if name := c.Listen[i].Systemd; name != "" {
		return s.addBorrowed(before, from, name)
	}
	at := placeOf(s.Role, c, i)
	if so := find(before, at); so != nil {
		s.sockets = append(s.sockets, so)
		return nil
	}
	so := from.take(at, c)
	if so == nil {
		var err error
		if so, err = open(c.Listen[i], c); err != nil {
			return err
		}
		so.asked, so.key = at, keyOf(at, c)
	}
	s.sockets = append(s.sockets, so)
	s.opened = append(s.opened, so)
	return nil
}

func (s *Service) addBorrowed(before []*Service, from *Inheritance, name string) error {
	if so := find(before, place{address: config.Address{Systemd: name}}); so != nil {
		for n := 0; so != nil; so = find(before, place{address: config.Address{Systemd: name}, n: n}) {
			s.sockets = append(s.sockets, so)
			n++
		}
		return nil
	}
	all, err := from.borrow(name, &s.Config)
	s.sockets = append(s.sockets, all...)
	s.opened = append(s.opened, all...)
	return err
}

// Predecessor is the service of the same role and name in a list, or nil.
func (s *Service) Predecessor(in []*Service) *Service {
	i := slices.IndexFunc(in, func(o *Service) bool { return o.Role == s.Role && o.Config.Name == s.Config.Name })
	if i < 0 {
		return nil
	}
	return in[i]
}

func find(in []*Service, at place) *socket {
	for _, s := range in {
		for _, so := range s.sockets {
			if so.asked == at {
				return so
			}
		}
	}
	return nil
}

func (s *Service) has(so *socket) bool { return slices.Contains(s.sockets, so) }

// Discard closes what Open opened for a service that was never attached.
func (s *Service) Discard() {
	for _, so := range s.opened {
		so.close()
	}
	s.opened, s.sockets = nil, nil
}

// Addresses are where the service listens, as the kernel says it.
func (s *Service) Addresses() []string {
	all := make([]string, len(s.sockets))
	for i, so := range s.sockets {
		all[i] = so.name
	}
	return all
}

// Close closes what is still open of a service when no loop runs any more.
func (s *Service) Close() {
	for _, so := range s.sockets {
		so.close()
	}
}
