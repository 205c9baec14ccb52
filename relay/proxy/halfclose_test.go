package proxy

import (
	"testing"
)

// Each direction ends by itself, whichever is first, with the other still at work.
func TestHalfClose(t *testing.T) {
	eachShape(t, func(t *testing.T, s shape) {
		for _, first := range []string{"client", "backend"} {
			r, p := s.begin(t)
			a, b := p.client, p.backend
			if first == "backend" {
				a, b = b, a
			}
			write(t, a, []byte("the last of it"))
			closeWrite(t, a)
			wantEnd(t, b, []byte("the last of it"))
			answer := stream(1, 500_000)
			go b.Write(answer)
			wantRead(t, a, answer)
			closeWrite(t, b)
			wantEnd(t, a, nil)
			r.wantReason(1, Complete)
		}
	})
}

// A FIN behind a full pipe loses nothing.
func TestFINBehindABlockedReader(t *testing.T) {
	for name, s := range map[string]shape{"tcp": {small: true}, "unix": {unixClient: true, unixBackend: true, small: true}} {
		t.Run(name, func(t *testing.T) {
			r, p := s.begin(t)
			sent := r.block(p.client, client)
			closeWrite(t, p.client)
			wantEnd(t, p.backend, sent)
			closeWrite(t, p.backend)
			r.wantReason(1, Complete)
		})
	}
}

// Both have said FIN and a pipe is full: the end that has had both FINs reports a
// hang-up, which is no error. Everything arrives, and ends as it should. (This is `nc -N`
// with a slow reader.)
func TestBothFINsWithAFullPipe(t *testing.T) {
	for name, s := range map[string]shape{
		"tcp": {small: true}, "unix client": {small: true, unixClient: true}, "unix backend": {small: true, unixBackend: true},
	} {
		for _, slow := range []string{"backend", "client"} {
			t.Run(name+", slow "+slow, func(t *testing.T) {
				r, p := s.begin(t)
				fast, reader, i := p.client, p.backend, client
				if slow == "client" {
					fast, reader, i = p.backend, p.client, backend
				}
				sent := r.block(fast, i)
				closeWrite(t, reader)
				wantEnd(t, fast, nil)
				closeWrite(t, fast)
				r.delivered(fast)
				r.passed()
				wantEnd(t, reader, sent)
				r.wantReason(1, Complete)
			})
		}
	}
}

// A unix peer that closes has said all it had to say: the hang-up is its FIN, not a
// reset, and a slow reader of what it said must see a clean end.
func TestUnixBackendClosesBehindASlowClient(t *testing.T) {
	s := shape{small: true, unixBackend: true}
	r, p := s.begin(t)
	sent := r.block(p.backend, backend)
	p.backend.Close()
	r.passed()
	wantEnd(t, p.client, sent)
	p.client.Close()
	r.wantReason(1, Complete)
}

// The same when everybody keeps up: a unix backend that answers and closes is no backend
// that resets, and the client takes its time to close.
func TestUnixBackendClosesFirst(t *testing.T) {
	s := shape{unixBackend: true}
	r, p := s.begin(t)
	write(t, p.client, []byte("request"))
	wantRead(t, p.backend, []byte("request"))
	write(t, p.backend, []byte("answer"))
	p.backend.Close()
	wantEnd(t, p.client, []byte("answer"))
	for range 50 {
		r.passed()
	}
	if l := r.journal.of("session"); len(l) != 0 {
		t.Errorf("the session was ended with the client still connected: %q", l[0].Reason)
	}
	p.client.Close()
	r.wantReason(1, Complete)
}
