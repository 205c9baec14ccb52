package listen

import (
	"relay/relay/flow"
)

// Handed is a listening socket as plain values, on its way to another process. Its
// descriptor travels beside it.
type Handed struct {
	Place string // what it was opened for
	Kind  flow.Kind
	Path  string `json:",omitempty"` // of a unix socket in the file system
	Name  string
}

// Hand is what another process needs to accept on the sockets of the service, with their
// descriptors, which stay the service's.
func (s *Service) Hand() (all []Handed, fds []int) {
	for _, so := range s.sockets {
		all = append(all, Handed{Place: so.asked.key(), Kind: so.kind, Path: so.path, Name: so.name})
		fds = append(fds, so.fd)
	}
	return all, fds
}

// Inherited are listening sockets that another process has handed to this one. They go
// to the services that have them in their configuration. Its methods are called one at a
// time.
type Inherited struct {
	all  []*socket
	free map[string]*socket // by place, those that no service has yet
}

// Inherit takes sockets on. Until Own the other process is their owner, and closing one
// here neither ends it nor removes its file.
func Inherit(all []Handed, fds []int) *Inherited {
	in := &Inherited{free: map[string]*socket{}}
	for i, h := range all {
		so := &socket{fd: fds[i], kind: h.Kind, path: h.Path, name: h.Name}
		so.shared.Store(true)
		in.all = append(in.all, so)
		in.free[h.Place] = so
	}
	return in
}

// take is the socket that was opened for a place, or nil. A nil Inherited has none.
func (in *Inherited) take(at place) *socket {
	if in == nil {
		return nil
	}
	so := in.free[at.key()]
	if so != nil {
		delete(in.free, at.key())
		so.asked = at
	}
	return so
}

// Own makes this process the owner of the sockets, and ends those that no service has:
// they are in the configuration no more.
func (in *Inherited) Own() {
	for _, so := range in.all {
		so.shared.Store(false)
	}
	for _, so := range in.free {
		so.close()
	}
	clear(in.free)
}

// Share says that another process accepts on the service's sockets, too: then closing
// them here neither ends them nor removes their files.
func (s *Service) Share(yes bool) {
	for _, so := range s.sockets {
		so.shared.Store(yes)
	}
}

// Suspend ends accepting on this loop for now, and leaves to another process what is
// pending. Begin takes it up again. It runs on the loop's thread.
func (a *Acceptor) Suspend() {
	a.loop.StopTimer(&a.timer)
	a.resting = false
	for _, w := range a.watches {
		a.loop.Leave(w.token)
		w.token = 0
	}
}
