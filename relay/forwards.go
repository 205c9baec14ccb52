package relay

import (
	"reflect"
	"sync"

	"relay/config"
	"relay/relay/admin"
	"relay/relay/forward"
)

// Forwarders live on goroutines of their own. One whose drop a reload leaves as it was
// goes on; another is stopped before its successor starts, since both would want the same
// book.

// prepareForward gives a drop its forwarder, at rest, if it forwards anything.
func (s *Server) prepareForward(service *service, c *config.Drop) {
	if len(c.Forwards) == 0 {
		return
	}
	service.forwarder, service.forwards = forward.New(*c, s.log), c
	service.drop.Arrived, service.drop.Begun = service.forwarder.Arrived, service.forwarder.Begun
}

// adoptForwards keeps the forwarders of drops that stay as they were.
func (p *parts) adoptForwards(now *parts) {
	for _, next := range p.services {
		old := now.successor(next)
		if next.forwarder == nil || old == nil || old.forwarder == nil || !reflect.DeepEqual(old.forwards, next.forwards) {
			continue
		}
		next.forwarder = old.forwarder
		next.drop.Arrived, next.drop.Begun = old.forwarder.Arrived, old.forwarder.Begun
		next.adopted, old.forwarder = true, nil
	}
}

// startForwards sets those going that were not adopted.
func (p *parts) startForwards() {
	for _, service := range p.services {
		if service.forwarder != nil && !service.adopted {
			service.forwarder.Start()
		}
	}
}

// stopForwards ends those that nobody has adopted, all at once.
func (p *parts) stopForwards() {
	var all sync.WaitGroup
	for _, service := range p.services {
		if service.forwarder != nil {
			all.Go(service.forwarder.Stop)
		}
	}
	all.Wait()
}

// observeForwards is what a drop's forwards are doing.
func observeForwards(s *service) (all []admin.Forward) {
	if s.forwarder == nil {
		return nil
	}
	for _, f := range s.forwarder.Statuses() {
		one := admin.Forward{
			To: f.To, Waiting: f.Waiting, Carried: f.Carried, Failed: f.Failed, Sent: f.Sent, Bytes: f.Bytes,
			Retries: f.Retries, GivenUp: f.GivenUp, Looped: f.Looped, LastError: f.LastSaid,
		}
		if !f.Oldest.IsZero() {
			one.Oldest = &f.Oldest
		}
		all = append(all, one)
	}
	return all
}

// forwarderOf finds the forwarder of a drop; nil if it has none.
func (s *Server) forwarderOf(drop string) *forward.Forwarder {
	for _, service := range s.parts.Load().services {
		if service.drop != nil && service.Config.Name == drop {
			return service.forwarder
		}
	}
	return nil
}

// queue lists what all forwards have still to do, and what they have given up.
func (s *Server) queue() (all []admin.Queued) {
	for _, service := range s.parts.Load().services {
		if service.forwarder == nil {
			continue
		}
		items, _ := service.forwarder.Queue() // one that is starting has nothing to show
		for _, i := range items {
			q := admin.Queued{
				Drop: service.Config.Name, Path: i.Path, To: i.To, Size: i.Size, State: i.State, Since: i.Since, Tries: i.Tries, Error: i.Why,
			}
			if !i.Next.IsZero() {
				q.Next = &i.Next
			}
			all = append(all, q)
		}
	}
	return all
}

// order has a forwarder try files again, or drop one.
func (s *Server) order(drop, path string, remove bool) (n int, known bool, err error) {
	f := s.forwarderOf(drop)
	if f == nil {
		return 0, false, nil
	}
	if remove {
		n, err = f.Drop(path)
	} else {
		n, err = f.Retry(path)
	}
	return n, true, err
}
