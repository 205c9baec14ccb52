package proxy

import (
	"testing"

	"relay/config"
	"relay/relay/flow"
)

// shapes are the sessions that every rule about bytes is checked on.
var shapes = map[string]shape{
	"auto":         {mode: flow.Auto},
	"always":       {mode: flow.Always},
	"never":        {mode: flow.Never},
	"without pipe": {mode: flow.Always, pipeBudget: -1},
	"unix client":  {unixClient: true},
	"unix backend": {unixBackend: true},
	"unix":         {unixClient: true, unixBackend: true},
}

func eachShape(t *testing.T, f func(t *testing.T, s shape)) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) { f(t, s) })
	}
}

func TestRelays(t *testing.T) {
	eachShape(t, func(t *testing.T, s shape) {
		r, p := s.begin(t)
		p.ping(t)
		up, down := stream(0, 300_000), stream(1, 200_000)
		done := make(chan error, 1)
		go func() {
			_, err := p.client.Write(up)
			done <- err
		}()
		wantRead(t, p.backend, up)
		if err := <-done; err != nil {
			t.Error(err)
		}
		write(t, p.backend, down)
		wantRead(t, p.client, down)
		closeWrite(t, p.client)
		wantEnd(t, p.backend, nil)
		closeWrite(t, p.backend)
		wantEnd(t, p.client, nil)
		l := r.wantReason(1, Complete)
		if l.BytesUp != 300_004 || l.BytesDown != 200_004 || l.Listener != "web" || l.Upstream != "up" || l.Backend == "" {
			t.Errorf("the access log says %+v", l)
		}
		if client := p.client.LocalAddr().String(); !s.unixClient && l.Client != client {
			t.Errorf("the client is %q in the log, want %q", l.Client, client)
		}
	})
}

// The splice chunk is the listener's, else the upstream's, else the engine's.
func TestChunk(t *testing.T) {
	for _, c := range []struct{ listener, upstream, want int }{
		{0, 0, 1 << 20}, {0, 5000, 5000}, {6000, 0, 6000}, {6000, 5000, 6000},
	} {
		r := shape{edit: func(l *config.Listener, u *config.Upstream) {
			l.SpliceChunk, u.SpliceChunk = c.listener, c.upstream
		}}.start(t)
		if r.listener.chunk(r.listener.Target) != c.want {
			t.Errorf("%d for the listener and %d for the upstream make %d, want %d", c.listener, c.upstream, r.listener.chunk(r.listener.Target), c.want)
		}
	}
}
