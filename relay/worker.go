package relay

import (
	"errors"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/pipepool"
	"relay/relay/drop"
	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/proxy"
)

// worker is one loop with everything that lives on it. But for what is said of each,
// its parts are touched on the loop's thread only.
type worker struct {
	loop     *loop.Loop
	pool     *pipepool.Pool
	mover    *flow.Mover
	sessions *proxy.Sessions
	conns    *drop.Conns
	peers    []*worker // all workers, this one included
	upkeep   loop.Timer
	stalls   stalls
	trimmed  int64 // when pipes were last trimmed
	draining bool  // sessions stay where they are
}

func newWorker(c *config.Config, budget *pipepool.Budget, workers drop.Workers, arrivals *drop.Arrivals, log zerolog.Logger) (*worker, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	w := &worker{loop: l, stalls: stalls{log: log}, pool: pipepool.New(budget, c.Engine.PipeSize, loop.Clock)}
	mover := flow.NewMover(modes[c.Engine.Splice], w.pool, c.Engine.CopyChunk)
	w.mover = mover
	l.OnStall(w.stalls.tell)
	w.sessions = proxy.NewSessions(l, mover, log, c.Log.Access)
	w.conns = drop.NewConns(l, mover, workers, arrivals, log, c.Log.Access)
	return w, nil
}

var modes = map[config.Splice]flow.Mode{
	config.SpliceAuto:   flow.Auto,
	config.SpliceAlways: flow.Always,
	config.SpliceNever:  flow.Never,
}

const (
	// upkeepEvery is how often a loop looks after itself.
	upkeepEvery = time.Second
	// trimEvery is how often it gives up the pipes it did not need meanwhile.
	trimEvery = 10 * time.Second
	// moveMost bounds the sessions moved to another loop at a time.
	moveMost = 64
)

// start sets the acceptors of worker i to work; it runs on the loop's thread.
func (w *worker) start(p *parts, i int) error {
	var all error
	for _, service := range p.services {
		all = errors.Join(all, service.acceptors[i].Start())
	}
	w.Expire(w.loop.Now())
	return all
}

// Expire does, about once a second, what keeps a loop in shape.
func (w *worker) Expire(now int64) {
	w.stalls.mark()
	if now-w.trimmed >= int64(trimEvery) {
		w.pool.Trim()
		w.trimmed = now
	}
	if !w.draining {
		w.balance()
	}
	w.loop.SetTimer(&w.upkeep, w, now+int64(upkeepEvery))
}

// balance moves sessions to the loop with the fewest when this one has clearly more:
// accepting spreads what arrives, but which sessions last is not known then.
func (w *worker) balance() {
	least, mine := w, w.loop.Load.Load()
	fewest := mine
	for _, p := range w.peers {
		if n := p.loop.Load.Load(); n < fewest {
			least, fewest = p, n
		}
	}
	if mine <= fewest+fewest/4+2 {
		return
	}
	n := min(int((mine-fewest)/2), moveMost)
	w.sessions.Shed(n, func(m proxy.Moved) {
		least.loop.Load.Add(1)
		least.loop.Post(func() { least.sessions.Adopt(m) })
	})
}

// drain stops accepting and lets what runs finish.
func (w *worker) drain(p *parts, i int) {
	w.draining = true
	for _, service := range p.services {
		service.acceptors[i].Stop()
	}
	w.conns.Drain()
}

// finish ends what still runs.
func (w *worker) finish(why proxy.Reason) {
	w.sessions.FinishAll(why)
	w.conns.FinishAll(drop.Reason(why))
}
