package test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Whatever a peer does, or however slowly, others are served meanwhile and the
// program is afterwards as before.

// bystander is a session that must not notice anything: it pings until stop is closed.
func bystander(t *testing.T, r *rig) (stop func()) {
	t.Helper()
	p := r.open(t)
	var done atomic.Bool
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for !done.Load() {
			if err := p.tryPing(); err != nil {
				failed <- err
				return
			}
		}
	}()
	return func() {
		t.Helper()
		done.Store(true)
		if err := <-failed; err != nil {
			t.Errorf("a session beside: %v", err)
		}
	}
}

// Clients that connect and never say a word cost nothing but their descriptors.
func TestSilentClients(t *testing.T) {
	r := setup{edit: func(c *harness.Config) { c.Listener()["idle_timeout"] = "2s" }}.start(t)
	many := 1000
	if harness.Race {
		many = 200
	}
	before := r.AnonBytes(t)
	clients := crowd(t, r, many)
	for range many {
		r.accept(t, 0)
	}
	each := (r.AnonBytes(t) - before) / many
	t.Logf("%d bytes of memory for each of %d silent sessions", each, many)
	if each > 8*kib && !harness.Race {
		t.Errorf("%d bytes of memory for a silent session", each)
	}
	for _, c := range clients {
		r.wantReason(t, c, "idle_timeout")
	}
}

// Floods of connections that end at once, in every way.
func TestConnectFlood(t *testing.T) {
	for _, flood := range []struct {
		name string
		end  func(*peer.Conn) error
	}{
		{"closed", (*peer.Conn).Close},
		{"reset", (*peer.Conn).Reset},
		{"half-closed", func(c *peer.Conn) error { _ = c.CloseWrite(); return c.Close() }},
		{"data and reset", func(c *peer.Conn) error { _, _ = c.Write([]byte("x")); return c.Reset() }},
		{"data and closed", func(c *peer.Conn) error { _, _ = c.Write([]byte("x")); return c.Close() }},
	} {
		t.Run(flood.name, func(t *testing.T) {
			r := floodRig(t)
			stop := bystander(t, r)
			workers, each := 8, 250
			if harness.Race {
				each = 50
			}
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for range each {
						if c, err := peer.Dial(r.Address(t, "flood")); err == nil {
							_ = flood.end(c)
						}
					}
				})
			}
			all.Wait()
			stop()
			r.Quiet(t)
		})
	}
}

// floodRig has a second listener, "flood", whose backend's sessions end with their
// clients.
func floodRig(t *testing.T) *rig {
	t.Helper()
	backend := serve(t, "127.0.0.1:0", func(c *peer.Conn) { _, _ = peer.NewFlow(0).Receive(c) })
	return setup{edit: func(c *harness.Config) {
		c.Listeners = append(c.Listeners, harness.Table{
			"name": "flood", "listen": []string{"127.0.0.1:0"}, "upstream": "flood",
		})
		c.Upstreams = append(c.Upstreams, harness.Table{
			"name": "flood", "backend": []harness.Table{{"address": backend.Address}},
		})
	}}.start(t)
}

// A client that reads one byte at a time through a tiny window, beside others.
func TestSlowReaders(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		stop := bystander(t, r)
		var all sync.WaitGroup
		for i := range 8 {
			p := r.open(t)
			must(t, "buffers", p.client.SetBuffers(1, 1))
			f := bulk(uint64(i), 64*kib).Slowly(peer.Reading{Min: 1, Max: 16, Every: 4 * kib, Pause: time.Millisecond})
			all.Go(func() {
				sent := sending(f, p.backend)
				if err := f.ReceiveAll(p.client); err != nil {
					t.Error(err)
				}
				if err := <-sent; err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		stop()
	})
}

// A client whose host vanishes while the program sends to it: the writes go nowhere
// until the kernel says so, and the backend hears of it.
func TestVanishedClientWhileSending(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Listener()["idle_timeout"] = "5s" }}.start(t)
	p := r.open(t)
	stream := bulk(1, 1<<40)
	sent := sending(stream, p.backend)
	wantBytes(t, p.client, mib)
	client := p.client.LocalAddr().String()
	if err := p.client.Vanish(); err != nil {
		t.Skipf("TCP_REPAIR needs CAP_NET_ADMIN: %v", err)
	}
	if err := <-sent; err == nil || peer.IsTimeout(err) {
		t.Errorf("the sender saw %v, want a reset", err)
	}
	got := r.Session(t, client)
	if got.Reason != "client_reset" && got.Reason != "idle_timeout" {
		t.Errorf("the session ended for the reason %q", got.Reason)
	}
}
