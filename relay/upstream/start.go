package upstream

import (
	"context"
	"sync"
	"time"
)

// running is what an upstream has going between Start and Stop. Every goroutine of the
// package is started in this file.
type running struct {
	ctx     context.Context
	cancel  context.CancelFunc
	group   sync.WaitGroup
	watches map[*Backend]context.CancelFunc // guarded by Upstream.change
	first   []chan struct{}                 // closed by watches after their first outcome
}

// Start sets the goroutines of the upstream going: its names, its checks, and what else
// time brings about. Stop ends them. It returns when every name has been looked up and
// every backend checked once, so that the first client finds backends that are up, or
// when that takes too long.
func (u *Upstream) Start() {
	await(firstAnswerMost, u.start())
	u.change.Lock()
	checked := u.running.first
	u.change.Unlock()
	await(firstOutcomeMost, checked)
	u.mu.Lock()
	u.started = true
	u.mu.Unlock()
}

// firstOutcomeMost is how long Start waits for the first checks.
const firstOutcomeMost = time.Second

// await waits until all of these are closed, but no longer than limit.
func await(limit time.Duration, all []chan struct{}) {
	expired := time.NewTimer(limit)
	defer expired.Stop()
	for _, one := range all {
		select {
		case <-one:
		case <-expired.C:
			return
		}
	}
}

func (u *Upstream) start() (answered []chan struct{}) {
	u.change.Lock()
	defer u.change.Unlock()
	r := &u.running
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.watches = map[*Backend]context.CancelFunc{}
	r.group.Go(func() { u.tend(r.ctx) })
	u.watchAll(nil)
	return u.lookUpAll(nil)
}

// Stop ends what Start began, and returns when all of it has ended. An upstream that was
// never started may be stopped, too.
func (u *Upstream) Stop() {
	u.change.Lock()
	if u.running.cancel != nil {
		u.running.cancel()
	}
	u.change.Unlock()
	u.running.group.Wait()
}
