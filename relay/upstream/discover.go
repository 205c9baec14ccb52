package upstream

import (
	"context"
	"slices"
	"time"

	"relay/config"
)

const (
	// firstAnswerMost is how long Start waits for the names that backends are behind.
	firstAnswerMost = 5 * time.Second
	// retryMin and retryMax bound the time until a name is asked for again after a
	// failure.
	retryMin, retryMax = time.Second, 30 * time.Second
)

// discovery is what is known of the names that backends are behind. It is guarded by
// Upstream.change.
type discovery struct {
	answers map[string][]found // by the key of lookupsOf
	ends    map[string]context.CancelFunc
}

// addressesOf are the addresses behind one in a configuration: itself, unless it is a
// host name.
func (d *discovery) addressesOf(a config.Address) (all []config.Address) {
	if a.Host == "" {
		return []config.Address{a}
	}
	for _, f := range d.answers[a.String()] {
		all = append(all, config.Address{TCP: f.at})
	}
	return all
}

// lookUpAll has each name looked up on a goroutine of its own, and no other. It returns
// a channel for each fresh one that is closed after its first outcome. u.change is held.
func (u *Upstream) lookUpAll(before *config.Upstream) (first []chan struct{}) {
	r, d, c := &u.running, &u.discovery, u.Config()
	if r.ctx == nil || r.ctx.Err() != nil {
		return nil
	}
	wanted := lookupsOf(c)
	anew := before != nil && before.Resolver != c.Resolver
	for key, end := range d.ends {
		if wanted[key] == nil || anew {
			end()
			delete(d.ends, key)
		}
	}
	for key := range d.answers {
		if wanted[key] == nil {
			delete(d.answers, key)
		}
	}
	for key, l := range wanted {
		if d.ends[key] != nil {
			continue
		}
		ctx, end := context.WithCancel(r.ctx)
		d.ends[key] = end
		answered := make(chan struct{})
		first = append(first, answered)
		r.group.Go(func() { u.lookUp(ctx, key, l, answered) })
	}
	return first
}

// lookUp keeps the backends behind one name as the DNS has them, until ctx ends. While
// no answer comes, the last one stands.
func (u *Upstream) lookUp(ctx context.Context, key string, l *lookup, answered chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	retry := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		all, pause, err := l.find(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if retry == 0 {
				u.log.Warn().Str("name", key).Str("error", err.Error()).Msg("name not resolved: its last answer stands")
			}
			retry = min(max(2*retry, retryMin), retryMax)
			pause = retry
		} else {
			if retry != 0 {
				u.log.Info().Str("name", key).Msg("name resolved again")
			}
			retry = 0
			u.learn(ctx, key, all)
		}
		if answered != nil {
			close(answered)
			answered = nil
		}
		timer.Reset(pause)
	}
}

// learn makes the members what the answer for one name says.
func (u *Upstream) learn(ctx context.Context, key string, all []found) {
	u.change.Lock()
	defer u.change.Unlock()
	c, d := u.Config(), &u.discovery
	before, known := d.answers[key]
	if ctx.Err() != nil || known && slices.Equal(before, all) {
		return
	}
	if len(all) == 0 && len(before) > 0 && c.OnEmpty == config.KeepBackends {
		u.log.Warn().Str("name", key).Int("backends", len(before)).Msg("name has no addresses any more: its last ones stand")
		return
	}
	d.answers[key] = all
	members, err := u.memberList(c)
	if err != nil {
		u.log.Warn().Str("name", key).Str("error", err.Error()).Msg("answer not used")
		d.answers[key] = before
		return
	}
	u.log.Info().Str("name", key).Int("backends", len(all)).Int("before", len(before)).Msg("backends discovered")
	u.arrange(c, members)
	u.watchAll(c.HealthCheck)
}
