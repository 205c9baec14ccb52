package forward

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
	"relay/relay/drop"
)

// Forwarder sends what lands in one drop on to others.
type Forwarder struct {
	config config.Drop
	log    zerolog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
	orders chan func()             // run by the owner of all below
	mail   mailbox[string]         // of names that have arrived by way of the drop
	begun  mailbox[*drop.Arriving] // of files that begin to

	book     *book
	watch    *watch
	files    map[string]*file
	ahead    map[string][]*ahead // files that are sent while they arrive, by their names; a place for each route
	dropped  map[making]*dropped // before they were complete
	routes   []*route
	alarms   alarms
	blind    bool // a directory could not be watched; said once
	leaving  bool // couriers come back because they were called
	returned chan back
	counts   counts
}

// New makes a forwarder of a drop that has forwards.
func New(c config.Drop, log zerolog.Logger) *Forwarder {
	f := &Forwarder{
		config: c, log: log.With().Str("drop", c.Name).Logger(), orders: make(chan func()),
		files: map[string]*file{}, ahead: map[string][]*ahead{}, dropped: map[making]*dropped{}, returned: make(chan back),
	}
	f.mail.ready, f.begun.ready = make(chan struct{}, 1), make(chan struct{}, 1)
	for _, fc := range c.Forwards {
		f.routes = append(f.routes, &route{config: fc, drop: c.Directory, log: f.log.With().Str("to", fc.To).Logger()})
	}
	return f
}

// Start sets it to work. What stands in its way (another process that still has the
// directory, say) is logged and waited for.
func (f *Forwarder) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	err := f.open()
	f.done.Go(func() { f.run(ctx, err) })
}

// Stop ends it. What was on its way goes on from there when another is started.
func (f *Forwarder) Stop() {
	if f.cancel != nil {
		f.cancel()
		f.done.Wait()
	}
}

// openEvery is how often to try again to open the book.
const openEvery = time.Second

func (f *Forwarder) run(ctx context.Context, err error) {
	for said := ""; err != nil; err = f.open() {
		if err.Error() != said {
			said = err.Error()
			f.log.Error().Err(err).Msg("nothing is forwarded; trying again until it works")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(openEvery):
		}
	}
	var watching sync.WaitGroup
	watching.Go(func() { f.watch.run(ctx.Done()) })
	f.own(ctx)
	f.watch.close()
	watching.Wait()
	f.book.close()
}

func (f *Forwarder) open() (err error) {
	if f.book, err = openBook(f.config.Directory); err != nil {
		return err
	}
	if f.watch, err = newWatch(f.config.Directory); err != nil {
		f.book.close()
	}
	return err
}

// own looks after the files until the end, and then waits for the couriers.
func (f *Forwarder) own(ctx context.Context) {
	defer f.recall()
	for _, r := range f.routes {
		f.done.Go(func() { r.forgo(ctx, f.book) })
	}
	f.scan(ctx)
	f.tidy(time.Now())
	f.log.Info().Int("forwards", len(f.routes)).Str("id", f.book.id).Msg("forwarding")
	rescan := time.NewTicker(f.config.Rescan)
	defer rescan.Stop()
	for {
		f.dispatch(ctx)
		alarm := f.alarms.timer()
		select {
		case <-ctx.Done():
			return
		case c := <-f.watch.changes:
			f.changed(ctx, c)
		case <-f.mail.ready:
			for _, path := range f.mail.take() {
				f.consider(path, true)
				f.complete(path)
			}
		case <-f.begun.ready:
			for _, a := range f.begun.take() {
				f.sendAhead(ctx, a)
			}
		case r := <-f.returned:
			f.report(r)
		case order := <-f.orders:
			order()
		case now := <-alarm:
			for _, path := range f.alarms.due(now) {
				f.consider(path, false)
			}
		case <-rescan.C:
			f.scan(ctx)
			f.prune()
		}
	}
}

// recall waits for the couriers, whose connections the end of the context has broken.
func (f *Forwarder) recall() {
	f.leaving = true
	for _, r := range f.routes {
		for r.busy > 0 {
			f.report(<-f.returned)
		}
	}
}
