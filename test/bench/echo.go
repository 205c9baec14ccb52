package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// messageBytes is the size of a small message, both ways.
const messageBytes = 100

// echo answers each message with itself. With once it ends its direction after the
// first answer and waits for the other end to close: the backend closes first, so
// that the ephemeral ports of whoever dialled it are free again at once.
type echo struct {
	poll  *poller
	conns fdTable[echoed]
	once  bool
	total progress
}

type echoed struct {
	message [messageBytes]byte
	got     int
	answers int
}

func runEcho(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	e := &echo{poll: p, once: j.Once}
	if err := p.add(listenerFD, unix.EPOLLIN); err != nil {
		return report{}, err
	}
	err = serveUntilDone(p, e.ready)
	return report{Total: e.total}, err
}

func (e *echo) ready(fd int, _ uint32) error {
	if fd == listenerFD {
		return acceptAll(func(fd int) error {
			e.conns.open(fd)
			return e.poll.add(fd, unix.EPOLLIN)
		})
	}
	c := e.conns.at(fd)
	n, err := receive(fd, c.message[c.got:])
	switch {
	case n == blocked:
		return nil
	case n > 0:
		c.got += n
		return e.answer(fd, c)
	case c.answers == 0 && c.got == 0: // a probe of the port
		return unix.Close(fd)
	case err != nil:
		return err
	case c.got > 0:
		return fmt.Errorf("a message ended after %d bytes", c.got)
	}
	return unix.Close(fd)
}

func (e *echo) answer(fd int, c *echoed) error {
	if e.once && c.answers > 0 {
		return fmt.Errorf("a second message on a connection meant for one")
	}
	if c.got < messageBytes {
		return nil
	}
	if err := sendWhole(fd, c.message[:]); err != nil {
		return err
	}
	c.got = 0
	c.answers++
	e.total.Count++
	e.total.Bytes += messageBytes
	if e.once {
		return unix.Shutdown(fd, unix.SHUT_WR)
	}
	return nil
}
