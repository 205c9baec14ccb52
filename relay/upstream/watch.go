package upstream

import (
	"context"
	"math/rand/v2"
	"reflect"
	"time"

	"relay/config"
)

// firstCheckMost bounds the time until a backend's first check, which is spread so that
// a thousand backends are not asked in the same instant.
const firstCheckMost = 50 * time.Millisecond

// watchAll lets every backend be checked on a goroutine of its own, and no other.
// u.change is held.
func (u *Upstream) watchAll(before *config.HealthCheck) {
	r, now := &u.running, u.Config().HealthCheck
	if r.ctx == nil || r.ctx.Err() != nil {
		return
	}
	anew := !reflect.DeepEqual(before, now)
	for b, stop := range r.watches {
		if anew || u.Find(b.Name) != b {
			stop()
			delete(r.watches, b)
		}
	}
	if now == nil {
		return
	}
	for i := range u.members {
		b := u.Find(u.members[i].name)
		if r.watches[b] != nil {
			continue
		}
		ctx, stop := context.WithCancel(r.ctx)
		r.watches[b] = stop
		checked := make(chan struct{})
		r.first = append(r.first, checked)
		r.group.Go(func() { u.watch(ctx, newChecker(now, b, u.Preface), checked) })
	}
}

// watch checks one backend until ctx ends. It closes checked after the first outcome.
func (u *Upstream) watch(ctx context.Context, k *checker, checked chan struct{}) {
	timer := time.NewTimer(rand.N(min(k.config.Interval, firstCheckMost)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		conn, failure, known := k.check(ctx)
		if known && ctx.Err() == nil {
			k.backend.Checked(failure)
		}
		if checked != nil {
			close(checked)
			checked = nil
		}
		part(conn)
		timer.Reset(k.pause(failure == "") - time.Since(began))
	}
}

// pause is the time from one check to the next.
func (k *checker) pause(well bool) time.Duration {
	c := k.config
	pause := c.Interval
	if !well && c.DownInterval > 0 && k.backend.View().State == "down" {
		pause = c.DownInterval
	}
	return pause + time.Duration(float64(pause)*float64(c.Jitter)/100*(2*rand.Float64()-1))
}
