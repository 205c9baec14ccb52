package proxy

import (
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/flow"
)

// A reset on either side arrives as a reset on the other.
func TestResetIsPassedOn(t *testing.T) {
	for name, mode := range map[string]flow.Mode{"auto": flow.Auto, "always": flow.Always, "never": flow.Never} {
		t.Run(name, func(t *testing.T) {
			s := shape{mode: mode}
			r, p := s.begin(t)
			p.ping(t)
			reset(p.client)
			wantReset(t, p.backend, nil)
			r.wantReason(1, ClientReset)

			p = r.session(s)
			p.ping(t)
			reset(p.backend)
			wantReset(t, p.client, nil)
			r.wantReason(2, BackendReset)
		})
	}
}

// A unix socket knows no reset: the other side of the session gets one all the same when
// a peer is gone with bytes unread.
func TestUnixPeerIsGone(t *testing.T) {
	s := shape{unixBackend: true}
	r, p := s.begin(t)
	write(t, p.client, []byte("never read"))
	r.passed()
	p.backend.Close()
	wantReset(t, p.client, nil)
	r.wantReason(1, BackendReset)
}

// What came before the reset is delivered first, however slow the reader is: a reset
// throws away what the send queue still holds, so it waits until that is empty.
func TestResetWaitsForTheQueue(t *testing.T) {
	r, p := shape{small: true}.begin(t)
	sent := r.clog(p.backend)
	reset(p.backend)
	r.awaitState(resetting)
	wantReset(t, p.client, sent)
	r.wantReason(1, BackendReset)
}

// The same with bytes in a pipe and in the receive buffer as well.
func TestResetBehindABlockedReader(t *testing.T) {
	for name, mode := range map[string]flow.Mode{"auto": flow.Auto, "always": flow.Always, "never": flow.Never} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{small: true, mode: mode}.begin(t)
			sent := r.block(p.backend, backend)
			reset(p.backend)
			r.passed()
			wantReset(t, p.client, sent)
			r.wantReason(1, BackendReset)
		})
	}
}

// Somebody who never reads is reset all the same, after two seconds, of which the test
// does not wait for the most.
func TestResetDoesNotWaitForEver(t *testing.T) {
	const rest = 100 * time.Millisecond
	r, p := shape{small: true}.begin(t)
	r.clog(p.backend)
	reset(p.backend)
	r.awaitState(resetting)
	var begin time.Time
	r.only(func(s *Session) {
		now := s.in.loop.Now()
		if left := s.deadline - now; left < resetWait*3/4 || left > resetWait {
			t.Errorf("the reset will wait %v, want %v", time.Duration(left), time.Duration(resetWait))
		}
		s.deadline = now + int64(rest)
		begin = time.Now()
	})
	r.wantReason(1, BackendReset)
	if took := time.Since(begin); took < rest*3/4 {
		t.Errorf("the reset waited %v, want %v", took, rest)
	}
	if _, err := io.Copy(io.Discard, p.client); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the client's stream ended with %v, want a reset", err)
	}
}

// Somebody who reads slowly gets all of it: the time begins anew with every look that
// finds less left.
func TestResetWaitsForASlowReader(t *testing.T) {
	r, p := shape{small: true}.begin(t)
	sent := r.clog(p.backend)
	reset(p.backend)
	r.awaitState(resetting)
	var first, last int64
	r.only(func(s *Session) { first = s.deadline })
	half := len(sent) / 2
	wantRead(t, p.client, sent[:half])
	eventually(t, "the deadline moves", func() bool {
		r.only(func(s *Session) { last = s.deadline })
		return last > first
	})
	wantReset(t, p.client, sent[half:])
	r.wantReason(1, BackendReset)
}

// If the one who has not read everything resets as well, there is nobody to wait for.
func TestResetWhileResetting(t *testing.T) {
	r, p := shape{small: true}.begin(t)
	r.clog(p.backend)
	reset(p.backend)
	r.awaitState(resetting)
	reset(p.client)
	quickly(t, "the session ends", func() bool { return len(r.journal.of("session")) == 1 })
	r.wantReason(1, BackendReset)
}

// A turn that was put off before the reset comes when nobody wants it any more. It must
// not make the session deaf.
func TestResumeWhileResetting(t *testing.T) {
	r, p := shape{small: true}.begin(t)
	r.clog(p.backend)
	reset(p.backend)
	r.awaitState(resetting)
	r.only(func(s *Session) { s.in.loop.Again(s.ends[client].token) })
	r.passed()
	reset(p.client)
	quickly(t, "the session ends", func() bool { return len(r.journal.of("session")) == 1 })
}

// The peer that does not read resets: the other one hears of it at once.
func TestResetOfABlockedSink(t *testing.T) {
	for name, backendIsSlow := range map[string]bool{"client": false, "backend": true} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{small: true}.begin(t)
			if backendIsSlow {
				r.block(p.client, client)
				reset(p.backend)
				wantReset(t, p.client, nil)
				r.wantReason(1, BackendReset)
				return
			}
			r.block(p.backend, backend)
			reset(p.client)
			wantReset(t, p.backend, nil)
			r.wantReason(1, ClientReset)
		})
	}
}

// Nobody reads, and then both reset. No flow is left that could find out; the session
// must end, and not wait for its idle timeout.
func TestBothResetWhileBothAreBlocked(t *testing.T) {
	for name, order := range map[string]bool{"client first": true, "backend first": false} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{small: true}.begin(t)
			r.block(p.client, client)
			r.block(p.backend, backend)
			first, second := p.client, p.backend
			if !order {
				first, second = second, first
			}
			reset(first)
			r.passed()
			reset(second)
			quickly(t, "the session ends", func() bool { return len(r.journal.of("session")) == 1 })
		})
	}
}

// After its FIN a client may still reset; the backend, which is silent, must hear of it.
func TestResetAfterHalfClose(t *testing.T) {
	for name, turn := range map[string]func(pair) (conn, conn, Reason){
		"client":  func(p pair) (conn, conn, Reason) { return p.client, p.backend, ClientReset },
		"backend": func(p pair) (conn, conn, Reason) { return p.backend, p.client, BackendReset },
	} {
		t.Run(name, func(t *testing.T) {
			r, p := shape{}.begin(t)
			one, other, want := turn(p)
			write(t, one, []byte("bye"))
			closeWrite(t, one)
			wantEnd(t, other, []byte("bye"))
			reset(one)
			r.wantReason(1, want)
			if _, err := other.Write([]byte("are you there?")); err == nil {
				_, err = other.Read(make([]byte, 1))
				if !errors.Is(err, unix.ECONNRESET) && err != io.EOF { // the FIN is read first
					t.Errorf("read: %v", err)
				}
			}
		})
	}
}

// Ends that relay itself causes are resets too.
func TestKilledSessionsAreReset(t *testing.T) {
	r, p := shape{}.begin(t)
	p.ping(t)
	r.on(0, func() { r.workers[0].sessions.FinishAll(Killed) })
	wantReset(t, p.client, nil)
	wantReset(t, p.backend, nil)
	r.wantReason(1, Killed)
}
