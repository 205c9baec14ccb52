package test

import (
	"maps"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// weighted is a rig of three backends with these weights, which note who they are
// by being counted.
func weighted(t *testing.T, loops int, weights ...int) *rig {
	t.Helper()
	backends := make([]string, len(weights))
	for i := range backends {
		backends[i] = "127.0.0.1:0"
	}
	return setup{backends: backends, edit: func(c *harness.Config) {
		c.Engine["loops"] = loops
		for i, w := range weights {
			c.Backend(i)["weight"] = w
		}
	}}.start(t)
}

// visit opens a session, ends it from the client's side and returns its backend.
func (r *rig) visit(t *testing.T) string {
	t.Helper()
	client := r.dial(t)
	must(t, "half-close", client.CloseWrite())
	end, err := peer.NewFlow(0).Receive(client)
	if end != peer.FIN {
		t.Fatalf("the session ended by %v (%v)", end, err)
	}
	return r.wantReason(t, client, "complete").Backend
}

// closeAtEOF has every backend end its sessions when their clients do.
func (r *rig) closeAtEOF() {
	for _, s := range r.servers {
		go func() {
			for {
				c, err := s.Accept(harness.Patience)
				if err != nil {
					return
				}
				_, _ = peer.NewFlow(0).Receive(c)
				c.Close()
			}
		}()
	}
}

// Weighted round robin is exact: every run of as many sessions as the weights add up
// to gives each backend its share.
func TestWeightedRoundRobin(t *testing.T) {
	t.Parallel()
	r := weighted(t, 0, 5, 1, 2)
	r.closeAtEOF()
	want := map[string]int{r.servers[0].Address: 5, r.servers[1].Address: 1, r.servers[2].Address: 2}
	for round := range 6 {
		got := map[string]int{}
		for range 8 {
			got[r.visit(t)]++
		}
		if !maps.Equal(got, want) {
			t.Errorf("round %d: %v, want %v", round, got, want)
		}
	}
}

// Smooth, too: a heavy backend does not get all its sessions in a row.
func TestWeightedRoundRobinIsSmooth(t *testing.T) {
	t.Parallel()
	r := weighted(t, 0, 3, 3)
	r.closeAtEOF()
	last, row := "", 0
	for range 12 {
		at := r.visit(t)
		if at == last {
			row++
		}
		last = at
	}
	if row > 0 {
		t.Errorf("%d times the same backend twice in a row, weights are equal", row)
	}
}

// The shares hold when sessions come at once, on several loops.
func TestWeightedRoundRobinAtOnce(t *testing.T) {
	t.Parallel()
	r := weighted(t, 4, 3, 2, 1, 0)
	const sessions = 120
	for range sessions {
		go func() {
			if c, err := peer.Dial(r.Address(t, "web")); err == nil {
				r.adopt(c)
			}
		}()
	}
	share := []int64{60, 40, 20, 0}
	harness.Eventually(t, "all sessions are connected", func() (bool, any) {
		total, each := int64(0), []int64{}
		for _, s := range r.servers {
			total += s.Accepted()
			each = append(each, s.Accepted())
		}
		return total == sessions, each
	})
	for i, s := range r.servers {
		if got := s.Accepted(); got != share[i] {
			t.Errorf("backend %d got %d of %d sessions, want %d", i, got, sessions, share[i])
		}
	}
}

// Sessions are spread over the loops, whoever the kernel wakes, and are spread anew
// when one loop's sessions end.
func TestLoopsShareSessions(t *testing.T) {
	t.Parallel()
	const loops, sessions = 4, 200
	r := setup{edit: func(c *harness.Config) { c.Engine["loops"] = loops }}.start(t)
	all := r.openMany(t, sessions)
	for _, p := range all {
		p.ping(t)
	}
	wantEven(t, r, loops, sessions)
	for _, p := range all[:sessions/2] {
		p.client.Close()
		p.backend.Close()
	}
	wantEven(t, r, loops, sessions/2)
	for _, p := range all[sessions/2:] {
		p.ping(t)
	}
}

// wantEven waits until every loop has its share, give or take a third.
func wantEven(t *testing.T, r *rig, loops, sessions int) {
	t.Helper()
	share := 2 * sessions / loops // descriptors
	harness.Eventually(t, "even loops", func() (bool, any) {
		loads := r.LoopLoads(t)
		for _, n := range loads {
			if n < share*2/3 || n > share*4/3+8 {
				return false, loads
			}
		}
		return len(loads) == loops, loads
	})
}
