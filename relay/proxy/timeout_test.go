package proxy

import (
	"testing"
	"time"

	"relay/config"
)

func timeouts(idle, halfClose time.Duration) shape {
	return shape{edit: func(l *config.Listener, _ *config.Upstream) {
		l.IdleTimeout, l.HalfCloseTimeout = idle, halfClose
	}}
}

// A session without a byte either way ends; every byte puts that off.
func TestIdleTimeout(t *testing.T) {
	const idle = 300 * time.Millisecond
	r, p := timeouts(idle, time.Minute).begin(t)
	begin := time.Now()
	for time.Since(begin) < idle*5/4 {
		p.ping(t)
		time.Sleep(idle / 10) // the pace of the conversation
	}
	silent := time.Now()
	wantReset(t, p.client, nil)
	wantReset(t, p.backend, nil)
	if took := time.Since(silent); took < idle/2 {
		t.Errorf("ended after %v of silence, want %v", took, idle)
	}
	r.wantReason(1, IdleTimeout)
}

func TestHalfCloseTimeout(t *testing.T) {
	for name, c := range map[string]struct{ idle, half time.Duration }{
		"shorter than idle": {time.Minute, 200 * time.Millisecond},
		"longer than idle":  {50 * time.Millisecond, 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := timeouts(c.idle, c.half).begin(t)
			begin := time.Now()
			closeWrite(t, p.client)
			wantEnd(t, p.backend, nil)
			r.wantReason(1, HalfCloseTimeout)
			if took := time.Since(begin); took < c.half*9/10 {
				t.Errorf("ended %v after the FIN, want %v", took, c.half)
			}
			wantReset(t, p.client, nil)
		})
	}
}

// The silence before the FIN does not count: a session that was idle for longer than the
// half-close timeout, as it may be, is not cut off by the FIN.
func TestHalfCloseTimeoutBeginsAtTheFIN(t *testing.T) {
	const half = 300 * time.Millisecond
	r, p := timeouts(time.Minute, half).begin(t)
	p.ping(t)
	time.Sleep(half * 4 / 3) // silence
	closeWrite(t, p.client)
	wantEnd(t, p.backend, nil)
	r.passed()
	write(t, p.backend, []byte("answer"))
	closeWrite(t, p.backend)
	wantEnd(t, p.client, []byte("answer"))
	r.wantReason(1, Complete)
}

// Bytes put the half-close timeout off too.
func TestHalfCloseTimeoutCountsSilence(t *testing.T) {
	const half = 300 * time.Millisecond
	r, p := timeouts(time.Minute, half).begin(t)
	closeWrite(t, p.client)
	wantEnd(t, p.backend, nil)
	for begin := time.Now(); time.Since(begin) < half*5/4; {
		time.Sleep(half / 10) // the pace of the answer
		write(t, p.backend, []byte("."))
		wantRead(t, p.client, []byte("."))
	}
	closeWrite(t, p.backend)
	wantEnd(t, p.client, nil)
	r.wantReason(1, Complete)
}

// A reader that stops is idle, whatever is held for it.
func TestIdleTimeoutOfABlockedSession(t *testing.T) {
	s := timeouts(300*time.Millisecond, time.Minute)
	s.small = true
	r, p := s.begin(t)
	r.block(p.backend, backend)
	r.wantReason(1, IdleTimeout)
	wantReset(t, p.backend, nil)
}
