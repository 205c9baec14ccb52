package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// short keeps a fixed number of connections under way. Each connects, sends one
// message, reads its answer and the end that follows it, and closes; then the next
// one starts. The backend ends first and this end last, so no ephemeral port is kept
// by TIME_WAIT: those are all on the accepting sides, where they block nothing.
type short struct {
	poll   *poller
	target string
	conns  fdTable[exchange]
	slots  int
	closed int
	phase  phase
	total  progress
}

func runShort(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	s := &short{poll: p, target: j.Target, slots: j.Streams}
	for range j.Streams {
		if err := s.start(); err != nil {
			return report{}, err
		}
	}
	w := window{warm: j.Warm, length: j.Window, peer: j.Peer}
	if err := drive(p, &w, s); err != nil {
		return report{}, err
	}
	return report{Total: s.total, Window: w.result()}, nil
}

func (s *short) begun() bool     { return s.total.Count >= int64(s.slots) }
func (s *short) moved() progress { return s.total }
func (s *short) finished() bool  { return s.closed == s.slots }

func (s *short) enter(p phase) error {
	s.phase = p
	return nil
}

// start dials and, as the handshake on loopback is over by then, asks at once.
func (s *short) start() error {
	fd, err := dial(s.target)
	if err != nil {
		return err
	}
	x := s.conns.open(fd)
	x.prepare(fd)
	sent, err := s.ask(fd, x)
	if err != nil {
		return err
	}
	if !sent {
		return s.poll.add(fd, unix.EPOLLOUT) // the accept queue was full: wait for the handshake
	}
	return s.poll.add(fd, unix.EPOLLIN)
}

func (s *short) ask(fd int, x *exchange) (sent bool, err error) {
	n, err := send(fd, x.message[:], 0)
	if err != nil || n == blocked {
		return false, err
	}
	if n != messageBytes {
		return false, fmt.Errorf("send: %d of %d bytes went out", n, messageBytes)
	}
	return true, nil
}

func (s *short) ready(fd int, events uint32) error {
	x := s.conns.at(fd)
	if events&unix.EPOLLOUT != 0 {
		sent, err := s.ask(fd, x)
		if !sent || err != nil {
			return err
		}
		return s.poll.set(fd, unix.EPOLLIN)
	}
	if x.got < messageBytes {
		complete, err := x.receive(fd)
		if !complete || err != nil {
			return err
		}
	}
	return s.end(fd)
}

// end closes after the other end's FIN, and starts the next connection.
func (s *short) end(fd int) error {
	var b [1]byte
	n, err := receive(fd, b[:])
	switch {
	case err != nil || n == blocked:
		return err
	case n > 0:
		return fmt.Errorf("bytes after the answer")
	}
	if err := unix.Close(fd); err != nil {
		return err
	}
	s.total.Count++
	s.total.Bytes += messageBytes
	if s.phase == draining {
		s.closed++
		return nil
	}
	return s.start()
}
