package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poller is epoll, level-triggered, with the descriptor itself as the token. That is
// safe here because one batch holds at most one event for a descriptor: by the time
// a number can be used again its own event has been handled.
type poller struct {
	fd     int
	events [512]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &poller{fd: fd}, nil
}

func (p *poller) add(fd int, interest uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, interest)
}

func (p *poller) set(fd int, interest uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, interest)
}

func (p *poller) control(op, fd int, interest uint32) error {
	event := unix.EpollEvent{Events: interest, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, fd, &event))
}

// wait returns the next batch of events, or none after the given time; less than
// zero waits for ever.
func (p *poller) wait(limit time.Duration) ([]unix.EpollEvent, error) {
	millis := -1
	if limit >= 0 {
		millis = int((limit + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(p.fd, p.events[:], millis)
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("epoll_wait", err)
	}
	return p.events[:n], nil
}

// fdTable holds what a role keeps for each connection, indexed by descriptor, so that
// a new connection costs no allocation.
type fdTable[T any] struct{ slots []*T }

// open returns the zeroed slot of a descriptor.
func (t *fdTable[T]) open(fd int) *T {
	for len(t.slots) <= fd {
		t.slots = append(t.slots, nil)
	}
	if t.slots[fd] == nil {
		t.slots[fd] = new(T)
	}
	var zero T
	*t.slots[fd] = zero
	return t.slots[fd]
}

// at returns the slot of a descriptor that open has seen.
func (t *fdTable[T]) at(fd int) *T { return t.slots[fd] }
