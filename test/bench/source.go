package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// source sends the payload on every stream for as long as the sink wants it. A
// stream that was accepted starts at the sink's first byte, so that a probe of the
// port gets nothing; one that was dialled starts at once. Any byte after that means
// stop: the source ends its direction and waits for the sink to close.
type source struct {
	poll    *poller
	payload int
	streams fdTable[outgoing]
	dialled bool
	ended   int
	total   progress
}

type outgoing struct {
	sent    int64
	running bool
	stopped bool
}

// sendTurn is the most one stream sends before the next gets its turn.
const sendTurn = 1 << 20

func runSource(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	payload, err := memfdPayload()
	if err != nil {
		return report{}, err
	}
	s := &source{poll: p, payload: payload, dialled: j.Target != ""}
	if !s.dialled {
		if err := p.add(listenerFD, unix.EPOLLIN); err != nil {
			return report{}, err
		}
		err = serveUntilDone(p, s.ready)
		return report{Total: s.total}, err
	}
	if err := dialAll(j.Target, j.Streams, s.open); err != nil {
		return report{}, err
	}
	for s.ended < j.Streams {
		events, err := p.wait(-1)
		if err != nil {
			return report{}, err
		}
		for _, e := range events {
			if err := s.ready(int(e.Fd), e.Events); err != nil {
				return report{}, err
			}
		}
	}
	return report{Total: s.total}, nil
}

func (s *source) open(fd int) error {
	out := s.streams.open(fd)
	out.running = s.dialled
	return s.poll.add(fd, out.interest())
}

func (o *outgoing) interest() uint32 {
	if o.running && !o.stopped {
		return unix.EPOLLIN | unix.EPOLLOUT
	}
	return unix.EPOLLIN
}

func (s *source) ready(fd int, events uint32) error {
	if fd == listenerFD {
		return acceptAll(s.open)
	}
	out := s.streams.at(fd)
	if events&^unix.EPOLLOUT != 0 {
		if err := s.obey(fd, out); err != nil {
			return err
		}
	}
	if events&unix.EPOLLOUT == 0 || !out.running || out.stopped {
		return nil
	}
	offset := out.sent % memfdBytes
	n, err := sendfile(fd, s.payload, offset, min(sendTurn, int(memfdBytes-offset)))
	if n > 0 {
		out.sent += int64(n)
		s.total.Bytes += int64(n)
	}
	return err
}

// obey reads what the sink says: go, stop, or the end.
func (s *source) obey(fd int, out *outgoing) error {
	var word [1]byte
	n, err := receive(fd, word[:])
	switch {
	case n == blocked:
		return nil
	case !out.running && (err != nil || n == 0): // a probe of the port
		return unix.Close(fd)
	case err != nil:
		return err
	case n == 0 && !out.stopped:
		return fmt.Errorf("a stream was closed after %d bytes, while it was sending", out.sent)
	case n == 0:
		s.ended++
		return unix.Close(fd)
	case !out.running:
		out.running = true
	default:
		out.stopped = true
		s.total.Count++
		if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
			return err
		}
	}
	return s.poll.set(fd, out.interest())
}
