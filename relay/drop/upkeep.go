package drop

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"relay/relay/drop/store"
)

// upkeep is what is done for a drop beside its requests, on a goroutine of its own: a
// sweep at the start, then, every minute, what is too old is removed.
type upkeep struct {
	stop    chan struct{}
	running sync.WaitGroup
}

const upkeepEvery = time.Minute

// Start begins the upkeep of a drop that may be written to; Close ends it.
func (d *Drop) Start(log zerolog.Logger) {
	if !d.limits.Write {
		return
	}
	d.upkeep.stop = make(chan struct{})
	d.upkeep.running.Go(func() { d.keep(log.With().Str("drop", d.Service.Config.Name).Logger()) })
}

func (d *Drop) stopUpkeep() {
	if d.upkeep.stop != nil {
		close(d.upkeep.stop)
		d.upkeep.running.Wait()
		d.upkeep.stop = nil
	}
}

func (d *Drop) stopping() bool {
	select {
	case <-d.upkeep.stop:
		return true
	default:
		return false
	}
}

func (d *Drop) keep(log zerolog.Logger) {
	every := time.NewTicker(upkeepEvery)
	defer every.Stop()
	for {
		d.tidy(log)
		select {
		case <-every.C:
		case <-d.upkeep.stop:
			return
		}
	}
}

// tidy does a round. The whole directory is walked through at the start, and whenever
// something depends on what is in it.
func (d *Drop) tidy(log zerolog.Logger) {
	ages := &d.registry.ages
	if by := ages.look(); by != 0 {
		log.Warn().Dur("by_ms", by).Msg("the clock was set; the ages of files are counted as if it had not been")
	}
	if n := d.registry.expire(d.store, time.Now(), d.limits.UploadExpiry); n > 0 {
		log.Info().Int("uploads", n).Msg("uploads expired")
	}
	d.store.Forget(ages.before(d.limits.UploadExpiry))
	if d.registry.swept.Load() && d.limits.TTL == 0 && d.limits.Quota == 0 {
		return
	}
	var old []store.Seen
	found, err := d.store.Sweep(func(s store.Seen) {
		if d.limits.TTL > 0 && ages.of(s.Arrived) > d.limits.TTL && len(old) < oldMost {
			old = append(old, s)
		}
	}, d.stopping)
	if err != nil {
		log.Warn().Err(err).Msg("the directory cannot be walked through")
		return
	}
	if d.stopping() {
		return
	}
	d.registry.swept.Store(true)
	d.registry.counted(found.Bytes)
	if found.Strays > 0 {
		log.Info().Int("files", found.Strays).Msg("what an earlier run left was removed")
	}
	d.removeOld(log, old)
}

// oldMost bounds the files that a round removes; the next goes on.
const oldMost = 100_000

// removeOld removes files whose time is over. One that has arrived again since it was seen
// begins anew.
func (d *Drop) removeOld(log zerolog.Logger, old []store.Seen) {
	n := 0
	for _, s := range old {
		if d.registry.ages.of(s.Arrived) > d.limits.TTL && d.store.RemoveSeen(s) == nil {
			n++
			d.registry.used(-s.Size)
		}
	}
	if n > 0 {
		log.Info().Int("files", n).Dur("ttl_ms", d.limits.TTL).Msg("old files were removed")
	}
}
