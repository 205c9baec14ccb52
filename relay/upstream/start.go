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
}

// Start sets the goroutines of the upstream going: its checks, its names, and what else
// time brings about. Stop ends them. It returns when every name has been looked up once,
// or some seconds have gone by.
func (u *Upstream) Start() {
	expired := time.NewTimer(firstAnswerMost)
	defer expired.Stop()
	for _, answered := range u.start() {
		select {
		case <-answered:
		case <-expired.C:
			expired.Reset(0)
		}
	}
	u.mu.Lock()
	u.started = true
	u.mu.Unlock()
}

func (u *Upstream) start() []chan struct{} {
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
