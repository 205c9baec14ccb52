package main

import (
	"time"
)

// idleSteps are the numbers of sessions at which memory is read. The slope between
// them leaves out what a peer needs before its first session.
var idleSteps = []int{2000, 8000}

const (
	idleBatch  = 64                     // sessions opened at a time: fits every peer's accept queue
	idleSettle = 500 * time.Millisecond // lets a peer finish what opening sessions started
)

type idleReading struct {
	Sessions  int
	Anonymous int64 // bytes of private anonymous memory
}

// runIdle opens sessions up to each step and reads the peer's memory there. Every
// session has exchanged one message before it falls silent: it is known to reach the
// backend, and a peer that keeps buffers after use shows them.
func runIdle(j job) (report, error) {
	var r report
	for _, step := range idleSteps {
		for int(r.Total.Count) < step {
			if err := openSessions(j.Target, min(idleBatch, step-int(r.Total.Count)), &r.Total); err != nil {
				return r, err
			}
		}
		time.Sleep(idleSettle)
		n, err := anonymousBytes(j.Peer)
		if err != nil {
			return r, err
		}
		r.Idle = append(r.Idle, idleReading{Sessions: step, Anonymous: n})
	}
	return r, nil
}

// openSessions opens n sessions at once and takes each through one exchange. Their
// descriptors stay open until the process ends.
func openSessions(target string, n int, total *progress) error {
	fds := make([]int, 0, n)
	asked := make([]exchange, n)
	err := dialAll(target, n, func(fd int) error {
		x := &asked[len(fds)]
		fds = append(fds, fd)
		x.prepare(fd)
		return sendWhole(fd, x.message[:])
	})
	if err != nil {
		return err
	}
	for i, fd := range fds {
		for complete := false; !complete; {
			if err := awaitReadable(fd); err != nil {
				return err
			}
			if complete, err = asked[i].receive(fd); err != nil {
				return err
			}
		}
		total.Count++
		total.Bytes += messageBytes
	}
	return nil
}
