package test

import (
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// Each session has one line, whatever became of it, and what it says is right.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Listener()["deny"] = []string{"127.0.0.2/32"} }}.start(t)
	p := r.open(t)
	if err := p.carry(bulk(1, 12345), bulk(2, 54321)); err != nil {
		t.Fatal(err)
	}
	got := r.wantReason(t, p.client, "complete")
	want := harness.Session{
		Listener: "web", Upstream: "web", Reason: "complete",
		Client: p.client.LocalAddr().String(), Backend: p.backend.LocalAddr().String(),
		BytesUp: 12345, BytesDown: 54321,
		ConnectMS: got.ConnectMS, DurationMS: got.DurationMS,
	}
	if got != want {
		t.Errorf("logged %+v, want %+v", got, want)
	}
	if got.ConnectMS < 0 || got.DurationMS < got.ConnectMS || got.DurationMS == 0 {
		t.Errorf("logged %v ms to connect and %v ms in all", got.ConnectMS, got.DurationMS)
	}
	denied := r.wantRefused(t, "127.0.0.2:0", r.Address(t, "web"), "denied")
	if denied.Listener != "web" || denied.BytesUp+denied.BytesDown != 0 {
		t.Errorf("logged %+v for a denied client", denied)
	}
	if n := len(r.Sessions()); n != 2 {
		t.Errorf("%d lines for two sessions", n)
	}
}

// Bytes that were received and could not be delivered are no delivered bytes.
func TestAccessLogCountsWhatWasDelivered(t *testing.T) {
	t.Parallel()
	r := setup{}.start(t)
	p := r.open(t)
	sent := fill(t, p.client, 1)
	must(t, "reset", p.backend.Reset())
	wantCutOff(t, p.client)
	if got := r.wantReason(t, p.client, "backend_reset"); got.BytesUp > sent {
		t.Errorf("logged %d bytes up, only %d were sent", got.BytesUp, sent)
	}
}

// access = false: sessions leave no line.
func TestAccessLogOff(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) { c.Log["access"] = false }}.start(t)
	p := r.open(t)
	must(t, "half-close", p.client.CloseWrite())
	wantWhole(t, p.backend, 0, 0)
	p.backend.Close()
	if got := <-reading(peer.NewFlow(0), p.client); got.end != peer.FIN {
		t.Errorf("the client saw %v", got)
	}
	r.closeConns()
	r.Stop(t) // everything it had to say is written now
	if n := len(r.Sessions()); n != 0 {
		t.Errorf("%d lines about sessions", n)
	}
}
