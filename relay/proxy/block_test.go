package proxy

import (
	"syscall"
	"time"

	"relay/relay/sock"
)

// only is the one session of loop 0, looked at on its own thread.
func (r *rig) only(f func(*Session)) {
	r.t.Helper()
	r.on(0, func() {
		s := r.workers[0].sessions.newest
		if s == nil {
			r.t.Error("there is no session")
			return
		}
		f(s)
	})
}

// block sends a stream to a peer that does not read, until flow i of the session holds
// bytes for good. It returns what was sent; all of it is in the hands or the sockets of
// the session.
func (r *rig) block(from conn, i int) []byte {
	r.t.Helper()
	const step = 30_000 // what the session's socket surely takes when nothing is read from it
	sent := 0
	for sent == 0 || !r.staysBlocked(i) {
		write(r.t, from, piece(i, int64(sent), step))
		sent += step
		eventually(r.t, "the session has dealt with what was sent", func() bool {
			moved, held := r.progress(i)
			return held || moved == uint64(sent)
		})
	}
	r.delivered(from)
	return stream(i, sent)
}

// staysBlocked reports that flow i holds bytes and goes on doing so for longer than any
// ACK is delayed: a socket's buffers grow at first.
func (r *rig) staysBlocked(i int) bool {
	moved, held := r.progress(i)
	for end := time.Now().Add(60 * time.Millisecond); held && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, still := r.progress(i); !still || now != moved {
			return false
		}
	}
	return held
}

func (r *rig) progress(i int) (moved uint64, held bool) {
	r.t.Helper()
	r.only(func(s *Session) { moved, held = s.flows[i].Moved, s.flows[i].Holds() })
	return moved, held
}

// delivered waits until the session's socket has all that a TCP peer has sent. (What a
// unix peer has sent is there when write returns.)
func (r *rig) delivered(from conn) {
	r.t.Helper()
	if from.LocalAddr().Network() == "unix" {
		return
	}
	eventually(r.t, "all that was sent has arrived", func() bool { return unsent(r, from) == 0 })
}

// unsent is how much of what a peer wrote is still on its way.
func unsent(r *rig, c conn) (n int) {
	r.t.Helper()
	r.onSocket(c, func(fd int) { n = sock.Unsent(fd) })
	return n
}

// onSocket runs f on a peer's descriptor.
func (r *rig) onSocket(c conn, f func(fd int)) {
	r.t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { f(int(fd)) }); err != nil {
		r.t.Fatal(err)
	}
}

// clog sends more to a client that does not read than its socket can hold, little by
// little, so that the rest stays in the session's send queue and not in its flow.
func (r *rig) clog(from conn) []byte {
	r.t.Helper()
	const total, step = 100_000, 5000 // a small socket holds 64 KiB
	for sent := 0; sent < total; sent += step {
		write(r.t, from, piece(backend, int64(sent), step))
		eventually(r.t, "the session has passed on what was sent", func() bool {
			moved, held := r.progress(backend)
			return !held && moved == uint64(sent+step)
		})
	}
	return stream(backend, total)
}

// passed lets rounds of the loop pass, so that what is ready has been heard of.
func (r *rig) passed() {
	for range 3 {
		r.on(0, func() {})
	}
}
