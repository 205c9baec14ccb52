package main

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// serve answers each request head with a response of a fixed size: the head by send,
// the body by sendfile from a memfd, so that the backend does not copy either.
type serve struct {
	poll    *poller
	payload int
	head    []byte
	size    int64
	conns   fdTable[served]
	total   progress
}

type served struct {
	request [512]byte
	got     int
	left    int64 // of the body under way
	writing bool  // waits for room in the socket
	used    bool
}

// requestEnd ends a request head; requests here have no body.
var requestEnd = []byte("\r\n\r\n")

func runServe(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	payload, err := memfdPayload()
	if err != nil {
		return report{}, err
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", j.Size)
	s := &serve{poll: p, payload: payload, head: []byte(head), size: j.Size}
	if err := p.add(listenerFD, unix.EPOLLIN); err != nil {
		return report{}, err
	}
	err = serveUntilDone(p, s.ready)
	return report{Total: s.total}, err
}

func (s *serve) ready(fd int, events uint32) error {
	if fd == listenerFD {
		return acceptAll(func(fd int) error {
			s.conns.open(fd)
			return s.poll.add(fd, unix.EPOLLIN)
		})
	}
	c := s.conns.at(fd)
	if c.writing {
		return s.body(fd, c)
	}
	n, err := receive(fd, c.request[c.got:])
	switch {
	case n == blocked:
		return nil
	case n > 0:
		c.got += n
		return s.answer(fd, c)
	case err != nil && c.used:
		return err
	}
	return unix.Close(fd)
}

// answer starts a response once the request head is complete.
func (s *serve) answer(fd int, c *served) error {
	if !bytes.HasSuffix(c.request[:c.got], requestEnd) {
		if c.got == len(c.request) {
			return fmt.Errorf("a request head of more than %d bytes", c.got)
		}
		return nil
	}
	c.used, c.got, c.left = true, 0, s.size
	n, err := send(fd, s.head, unix.MSG_MORE)
	if err != nil {
		return err
	}
	if n != len(s.head) {
		return fmt.Errorf("send: %d of %d bytes went out", n, len(s.head))
	}
	s.total.Bytes += int64(n)
	return s.body(fd, c)
}

// body sends what the socket takes. While it is full the poller is asked for room
// and nothing else.
func (s *serve) body(fd int, c *served) error {
	for c.left > 0 {
		n, err := sendfile(fd, s.payload, s.size-c.left, int(c.left))
		if err != nil {
			return err
		}
		if n == blocked {
			if c.writing {
				return nil
			}
			c.writing = true
			return s.poll.set(fd, unix.EPOLLOUT)
		}
		c.left -= int64(n)
		s.total.Bytes += int64(n)
	}
	s.total.Count++
	if c.writing {
		c.writing = false
		return s.poll.set(fd, unix.EPOLLIN)
	}
	return nil
}
