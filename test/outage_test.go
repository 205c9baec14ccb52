package test

import (
	"io"
	"sync"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// echo sends back what a connection says, until it ends.
func echo(c *peer.Conn) { _, _ = io.Copy(c, c) }

// attempt is one client of a load.
type attempt struct {
	began  time.Time
	client string
	err    error
}

// load is clients that come at a steady rate, each with a few bytes to be echoed.
type load struct {
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	attempts []attempt
}

// atOnceMost bounds the clients that are there at a time: on a machine that cannot keep
// up with the rate fewer come, instead of ever more.
const atOnceMost = 200

// arrive starts a load of perSecond clients.
func arrive(address string, perSecond int) *load {
	l := &load{stop: make(chan struct{})}
	l.done.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		begun, places := time.Now(), make(chan struct{}, atOnceMost)
		for came := 0; ; {
			for due := int(time.Since(begun).Seconds() * float64(perSecond)); came < due; came++ {
				places <- struct{}{}
				l.done.Go(func() {
					l.visit(address)
					<-places
				})
			}
			select {
			case <-l.stop:
				return
			case <-tick.C:
			}
		}
	})
	return l
}

func (l *load) visit(address string) {
	a := attempt{began: time.Now()}
	a.client, a.err = echoed(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, a)
}

// echoed has a few bytes echoed.
func echoed(address string) (client string, err error) {
	c, err := peer.Dial(address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	client = c.LocalAddr().String()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	if _, err = c.Write([]byte("ping")); err != nil {
		return client, err
	}
	_, err = io.ReadFull(c, make([]byte, 4))
	return client, err
}

// end stops the load and returns who came.
func (l *load) end() []attempt {
	close(l.stop)
	l.done.Wait()
	return l.attempts
}

// stateLine waits for the log's next line with this message about a backend.
func (r *rig) stateLine(t testing.TB, message, backend string) harness.Line {
	t.Helper()
	return r.Line(t, message+" "+backend, func(l harness.Line) bool {
		return l.Message == message && l.Field("backend") == backend
	})
}

// checks are health checks fast enough for a test.
func checks() harness.Table {
	return harness.Table{"interval": "50ms", "timeout": "1s", "fall": 2, "rise": 2}
}

// A backend that dies under load costs those their session who are on it, and everyone
// else one retried connect at most; once it is found down, it costs nobody anything.
func TestABackendDiesUnderLoad(t *testing.T) {
	rate, stretch := 1000, 1500*time.Millisecond
	if testing.Short() || harness.Race {
		rate = 200
	}
	addresses := make([]string, 4)
	servers := make([]*peer.Server, 4)
	for i := range servers {
		servers[i] = serve(t, "127.0.0.1:0", echo)
		addresses[i] = servers[i].Address
	}
	r := setup{edit: func(c *harness.Config) {
		c.SetBackends(addresses...)
		c.Upstream()["health_check"] = checks()
	}}.start(t)
	l := arrive(r.Address(t, "web"), rate)
	time.Sleep(stretch) // a stretch of load, not a wait
	killed := time.Now()
	servers[2].Close()
	gone := time.Now()
	r.stateLine(t, "backend down", addresses[2])
	down := time.Now()
	time.Sleep(stretch) // a stretch of load, not a wait
	again := serve(t, addresses[2], echo)
	r.stateLine(t, "backend up", addresses[2])
	harness.Eventually(t, "the backend has sessions again", func() (bool, any) {
		return again.Accepted() > int64(rate/20), again.Accepted()
	})
	attempts := l.end()
	r.wantMerciful(t, attempts, addresses[2], killed, gone, down)
}

// wantMerciful checks what an outage has cost whom.
func (r *rig) wantMerciful(t *testing.T, attempts []attempt, dead string, killed, gone, down time.Time) {
	t.Helper()
	harness.Eventually(t, "all sessions are logged", func() (bool, any) {
		n := len(r.Sessions())
		return n >= len(attempts), n
	})
	of := map[string]harness.Session{}
	retried, afterwards := 0, 0
	for _, s := range r.Sessions() {
		of[s.Client] = s
		if s.Retries > 1 {
			t.Errorf("%d retries: %+v", s.Retries, s)
		}
		retried += s.Retries
	}
	lost := 0
	for _, a := range attempts {
		s := of[a.client]
		if a.began.After(down) && s.Retries > 0 && a.err == nil {
			afterwards++
		}
		if a.err == nil {
			continue
		}
		lost++
		// One that is reset before its connect returned has no address to find it by.
		if s.Backend != dead && a.client != "" || a.began.After(gone) {
			t.Errorf("a client that came %v after the kill: %v, %+v", a.began.Sub(killed), a.err, s)
		}
	}
	t.Logf("%d clients in %v; %v from the kill until it was noticed; %d were on the backend and lost, %d retried, %d of them later",
		len(attempts), time.Since(attempts[0].began).Round(time.Millisecond), down.Sub(killed), lost, retried, afterwards)
}
