package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// sink discards what arrives on every stream. It compares the first part of each
// with the pattern, then stops looking. When the window is over it sends each source
// one byte, and reads on to the end, so that both ends' totals must agree.
type sink struct {
	poll    *poller
	streams fdTable[incoming]
	live    []int // descriptors that have carried data
	want    int
	dialled bool
	stopped bool
	ended   int
	total   progress
	buffer  []byte
}

type incoming struct{ got int64 }

func runSink(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	s := &sink{poll: p, want: j.Streams, dialled: j.Target != "", buffer: make([]byte, patternBytes)}
	if s.dialled {
		err = dialAll(j.Target, j.Streams, s.open)
	} else {
		err = p.add(listenerFD, unix.EPOLLIN)
	}
	if err != nil {
		return report{}, err
	}
	w := window{warm: j.Warm, length: j.Window, peer: j.Peer}
	if err := drive(p, &w, s); err != nil {
		return report{}, err
	}
	return report{Total: s.total, Window: w.result()}, nil
}

func (s *sink) open(fd int) error {
	s.streams.open(fd)
	if s.dialled {
		if err := sendWhole(fd, []byte{1}); err != nil {
			return err
		}
	}
	return s.poll.add(fd, unix.EPOLLIN)
}

func (s *sink) begun() bool     { return len(s.live) == s.want }
func (s *sink) moved() progress { return s.total }
func (s *sink) finished() bool  { return s.ended == s.want }

func (s *sink) enter(p phase) error {
	if p != draining {
		return nil
	}
	s.stopped = true
	for _, fd := range s.live {
		if err := sendWhole(fd, []byte{0}); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) ready(fd int, _ uint32) error {
	if fd == listenerFD {
		return acceptAll(s.open)
	}
	in := s.streams.at(fd)
	n, err := s.take(fd, in)
	switch {
	case n == blocked:
		return nil
	case n > 0:
		if in.got == 0 {
			s.live = append(s.live, fd)
		}
		in.got += int64(n)
		s.total.Bytes += int64(n)
		return nil
	case in.got == 0 && !s.dialled: // a probe of the port
		return unix.Close(fd)
	case err != nil:
		return err
	case !s.stopped:
		return fmt.Errorf("a stream ended early, after %d bytes", in.got)
	}
	s.ended++
	s.total.Count++
	return unix.Close(fd)
}

// take reads and compares the first bytes of a stream, and discards the rest.
func (s *sink) take(fd int, in *incoming) (int, error) {
	if in.got >= checkedBytes {
		return discard(fd, s.buffer)
	}
	n, err := receive(fd, s.buffer[:min(len(s.buffer), int(checkedBytes-in.got))])
	if n > 0 && err == nil {
		err = checkPattern(s.buffer[:n], in.got)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}
