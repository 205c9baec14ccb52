package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ask sends a message on every connection and, as soon as its answer is complete, the
// next one. Each connection has one message under way: the rate is what the round
// trip allows, and the round trip is what is recorded.
type ask struct {
	poll    *poller
	conns   fdTable[exchange]
	fds     []int
	first   int // connections that have had an answer
	idle    int // connections that will ask no more
	phase   phase
	total   progress
	latency histogram
}

type exchange struct {
	message [messageBytes]byte
	answer  [messageBytes]byte
	got     int
	number  uint64
	asked   time.Time
}

// prepare writes the next message: who asks and how often it has asked, then payload.
func (x *exchange) prepare(fd int) {
	if x.number == 0 {
		copy(x.message[:], pattern)
		binary.LittleEndian.PutUint64(x.message[:], uint64(fd))
	}
	x.number++
	binary.LittleEndian.PutUint64(x.message[8:], x.number)
	x.got = 0
}

// receive takes what has arrived of the answer and says whether it is complete.
func (x *exchange) receive(fd int) (complete bool, err error) {
	n, err := receive(fd, x.answer[x.got:])
	switch {
	case err != nil || n == blocked:
		return false, err
	case n == 0:
		return false, fmt.Errorf("a connection was closed before answer %d", x.number)
	}
	x.got += n
	if x.got < messageBytes {
		return false, nil
	}
	if x.answer != x.message {
		return false, fmt.Errorf("answer %d is not what was sent", x.number)
	}
	return true, nil
}

func runAsk(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	a := &ask{poll: p}
	if err := dialAll(j.Target, j.Streams, a.open); err != nil {
		return report{}, err
	}
	w := window{warm: j.Warm, length: j.Window, peer: j.Peer}
	if err := drive(p, &w, a); err != nil {
		return report{}, err
	}
	return report{
		Total:  a.total,
		Window: w.result(),
		P50:    a.latency.quantile(0.50),
		P99:    a.latency.quantile(0.99),
	}, nil
}

func (a *ask) open(fd int) error {
	a.conns.open(fd)
	a.fds = append(a.fds, fd)
	if err := a.poll.add(fd, unix.EPOLLIN); err != nil {
		return err
	}
	return a.next(fd, a.conns.at(fd))
}

func (a *ask) next(fd int, x *exchange) error {
	x.prepare(fd)
	x.asked = time.Now()
	return sendWhole(fd, x.message[:])
}

func (a *ask) begun() bool     { return a.first == len(a.fds) }
func (a *ask) moved() progress { return a.total }
func (a *ask) finished() bool  { return a.idle == len(a.fds) }

func (a *ask) enter(p phase) error {
	a.phase = p
	return nil
}

func (a *ask) ready(fd int, _ uint32) error {
	x := a.conns.at(fd)
	complete, err := x.receive(fd)
	if !complete || err != nil {
		return err
	}
	if a.phase == measuring {
		a.latency.record(time.Since(x.asked))
	}
	if x.number == 1 {
		a.first++
	}
	a.total.Count++
	a.total.Bytes += messageBytes
	if a.phase == draining {
		a.idle++
		if err := checkQuiet(fd); err != nil {
			return err
		}
		return unix.Close(fd)
	}
	return a.next(fd, x)
}
