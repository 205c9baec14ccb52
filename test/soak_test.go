package test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// soakSessions is how many short connections a soak makes.
func soakSessions() int {
	switch {
	case harness.Full:
		return 200_000
	case testing.Short() || harness.Race:
		return 4_000
	}
	return 20_000
}

// Short connections by the thousand, of every ending: descriptors, pipes, threads and
// memory are afterwards what they were before.
func TestSoak(t *testing.T) {
	for _, mode := range []struct {
		name    string
		options harness.Options
	}{
		{"as the test's user", harness.Options{}},
		{"unprivileged", harness.Options{Unprivileged: true}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			r := soakRig(t, mode.options)
			total := soakSessions()
			batch := total / 5
			soak(t, r, batch) // warms up: heap, pools and threads reach their size
			before := footprint(t, r)
			start := time.Now()
			soak(t, r, total-batch)
			t.Logf("%.0f sessions a second", float64(total-batch)/time.Since(start).Seconds())
			wantSameFootprint(t, r, before)
		})
	}
}

// soakWorkers is how many sessions there are at once.
const soakWorkers = 16

// soakRig has several backends, on addresses of their own: all closed connections of
// a minute are in TIME_WAIT, and one address has ports for 28 000.
func soakRig(t *testing.T, o harness.Options) *rig {
	t.Helper()
	r := &rig{}
	var addresses []string
	for i := range 4 {
		s := serve(t, fmt.Sprintf("127.0.0.%d:0", 10+i), echoOnce)
		r.servers = append(r.servers, s)
		addresses = append(addresses, s.Address)
	}
	r.Relay = harness.Start(t, harness.Proxy(addresses...), o)
	t.Cleanup(r.closeConns)
	return r
}

// The first byte of a soak's session says how its backend is to end it.
const (
	endAfterClient = iota // wait for the client's FIN, as most servers do
	endFirst              // say FIN right after the answer
	endByReset
	soakEndings
)

// echoOnce sends a request back: an ending, three bytes of length, the payload.
func echoOnce(c *peer.Conn) {
	var head [4]byte
	if _, err := readFull(c, head[:]); err != nil {
		return // the client ended early, as some do
	}
	body := make([]byte, int(head[1])<<16|int(head[2])<<8|int(head[3]))
	if _, err := readFull(c, body); err != nil {
		return
	}
	if _, err := c.Write(body); err != nil {
		return
	}
	switch head[0] {
	case endAfterClient:
		_, _ = c.Read(head[:])
	case endByReset:
		_ = c.Reset()
	}
}

// soak runs n short sessions, some at once.
func soak(t *testing.T, r *rig, n int) {
	t.Helper()
	address := r.Address(t, "web")
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for w := range soakWorkers {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(w), uint64(n)))
			for left.Add(-1) >= 0 {
				local := fmt.Sprintf("127.0.0.%d:0", 20+w) // ports, as for the backends
				if err := shortSession(dice, local, address); err != nil {
					t.Errorf("a short session: %v", err)
					left.Store(0)
				}
			}
		})
	}
	all.Wait()
}

// shortSession is one request and its answer, with an ending drawn at random.
func shortSession(dice *rand.Rand, local, address string) error {
	c, err := peer.DialFrom(local, address)
	if err != nil {
		return err
	}
	defer c.Close()
	size := 1 + dice.IntN(2000)
	if dice.IntN(50) == 0 {
		size = 300 * kib // enough to splice
	}
	ending := dice.IntN(soakEndings)
	request := append([]byte{byte(ending), byte(size >> 16), byte(size >> 8), byte(size)},
		peer.Stream(size).Bytes(0, size)...)
	early := dice.IntN(20)
	if early == 0 {
		request = request[:dice.IntN(len(request))]
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	if early == 0 {
		return abandon(c, dice)
	}
	answer := peer.NewFlow(uint64(size), peer.Stage{Bytes: int64(size)})
	return readAnswer(c, answer, ending, dice)
}

// abandon leaves in the middle of a request.
func abandon(c *peer.Conn, dice *rand.Rand) error {
	if dice.IntN(2) == 0 {
		return c.Reset()
	}
	return c.Close()
}

// readAnswer checks the answer and then ends the session, or sees it ended.
func readAnswer(c *peer.Conn, answer *peer.Flow, ending int, dice *rand.Rand) error {
	if ending == endAfterClient {
		got := make([]byte, answer.Bytes())
		if n, err := readFull(c, got); err != nil {
			return fmt.Errorf("%d of %d bytes, then %w", n, len(got), err)
		}
		if dice.IntN(3) == 0 {
			return c.Reset()
		}
		return (&peer.Checker{Stream: answer.Stream}).Check(got)
	}
	end, err := answer.Receive(c)
	want := peer.FIN
	if ending == endByReset {
		// The backend's reset drops what its kernel had not delivered: any prefix is right.
		want = peer.Reset
	}
	if end != want || end == peer.FIN && answer.Received() != answer.Bytes() {
		return fmt.Errorf("%v after %d of %d bytes (%w), want %v", end, answer.Received(), answer.Bytes(), err, want)
	}
	return nil
}

// usage is what a program holds when no session runs.
type usage struct {
	descriptors harness.Descriptors
	threads     int
	anonBytes   int
}

// footprint waits until every session has ended and measures.
func footprint(t *testing.T, r *rig) usage {
	t.Helper()
	harness.Eventually(t, "all sessions are gone", func() (bool, any) {
		n := r.Descriptors(t)["socket"]
		return n == len(r.Addresses("web")), n
	})
	return usage{r.Descriptors(t), r.Threads(t), r.AnonBytes(t)}
}

// wantSameFootprint compares. Pipes may differ by what ran at once; the heap breathes.
func wantSameFootprint(t *testing.T, r *rig, before usage) {
	t.Helper()
	after := footprint(t, r)
	t.Logf("before %+v, after %+v", before, after)
	if !after.descriptors.Within(before.descriptors) {
		t.Errorf("descriptors: %v, were %v", after.descriptors, before.descriptors)
	}
	// Two descriptors for each direction of what was there at once.
	if n := after.descriptors["pipe"]; n > 4*soakWorkers {
		t.Errorf("%d descriptors of pipes for %d sessions at once", n, soakWorkers)
	}
	if after.threads > before.threads+2 {
		t.Errorf("%d threads, were %d", after.threads, before.threads)
	}
	if grown := after.anonBytes - before.anonBytes; grown > 8*mib && !harness.Race {
		t.Errorf("%d KiB of memory more than before", grown/kib)
	}
}
