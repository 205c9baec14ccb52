package transfer

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"relay/relay/drop/bundle"
)

// TogetherMost is how many files a courier can use at a time, and TogetherBytes the size of
// those that may go in one request with others.
const (
	TogetherMost  = bundle.FilesMost
	TogetherBytes = bundledMost
)

// Carried is what became of a file.
type Carried struct {
	Delivery *Delivery // nil with an error
	Err      error
	// Alone says that the connection, or the server, broke over a request that had others too:
	// which of them is to blame is found out when each goes by itself.
	Alone bool
}

// Together reports that the server has said that it takes many files in one request, and has
// not refused them since.
func (c *Courier) Together() bool { return c.run.bundles.wanted() }

// Refused is why it has refused them; nil = it has not.
func (c *Courier) Refused() error { return c.refused }

// CarryAll sends files, small ones in bundles where the server takes those, and tells of each
// what Carry would. When nobody is there the rest is not tried.
func (c *Courier) CarryAll(parcels []Parcel) []Carried {
	g := gathering{Courier: c, several: len(parcels) > 1, done: make([]Carried, len(parcels))}
	for i := range parcels {
		g.carry(i, &parcels[i])
	}
	g.send()
	return g.done
}

// gathering is a courier that makes bundles.
type gathering struct {
	*Courier
	several bool // files there are
	done    []Carried
	in      []inBundle // those that the bundle holds
	via     string     // that they have all come through
	absent  error      // why nobody is there; nil = somebody may be
}

// inBundle is a file in one.
type inBundle struct {
	at     int // its place among all
	parcel *Parcel
	to     Place
	size   int64
}

func (g *gathering) carry(i int, l *Parcel) {
	switch {
	case g.absent != nil:
		g.done[i].Err = g.absent
	case g.several && g.Together():
		g.take(i, l)
	default:
		g.single(i, l)
	}
}

// single sends a file by itself.
func (g *gathering) single(i int, l *Parcel) {
	d, err := g.Carry(*l)
	g.done[i] = Carried{Delivery: d, Err: err}
	if Absent(err) {
		g.absent = err
	}
}

// take puts a file into the next bundle, if it is one for that.
func (g *gathering) take(i int, l *Parcel) {
	p := g.post(l)
	s, content, err := g.readSmall(p)
	size := int64(len(content))
	switch {
	case errors.Is(err, errGrown), errors.Is(err, errChanged), err == nil && (!packable(p, size) || len(l.Via) > bundle.ViaMost):
		g.send() // before it, which may take long
		g.carryAlone(inBundle{at: i, parcel: l})
		return
	case err != nil:
		g.done[i].Err = err
		return
	}
	path := strings.TrimPrefix(p.to.path, g.to.path)
	if full := g.full(path, size); full || len(g.in) > 0 && g.via != l.Via {
		g.send()
		g.carry(i, l) // anew: what was read is gone where others went by themselves
		return
	}
	g.via = l.Via
	g.add(path, g.ids.of(p.to, s.look.Version, p.turn), p, s, content)
	g.in = append(g.in, inBundle{i, l, p.to, size})
}

// send sends the bundle, if there is something in it, and settles its files.
func (g *gathering) send() {
	in := g.in
	if len(in) == 0 {
		return
	}
	g.in, g.packed = nil, 0
	if _, err := g.dial(g.to.host); err != nil {
		g.absent = err
		g.all(in, Carried{Err: err})
		return
	}
	began := time.Now()
	again, err := g.exchangeBundle(in)
	switch {
	case err == nil:
		g.measure(began)
	case !Answered(err):
		g.broken(in, err, time.Since(began))
		return
	}
	for _, f := range again {
		g.carryAlone(f)
	}
}

// broken settles the files of a bundle that the connection broke over. It may have been too much
// for this line, or for whoever is between: then the others go, in smaller bundles or by
// themselves. Who has said nothing for long is not there for them either.
func (g *gathering) broken(in []inBundle, err error, took time.Duration) {
	g.all(in, Carried{Err: err, Alone: true})
	g.resize(g.room / 2)
	if took > slowBundle {
		g.absent = err
	}
	if g.run.bundles.brokeOnce(); !g.Together() {
		g.refused = apart(err)
	}
}

// carryAlone sends a file by itself, unless nobody is there.
func (g *gathering) carryAlone(f inBundle) {
	if g.absent != nil {
		g.done[f.at].Err = g.absent
		return
	}
	g.single(f.at, f.parcel)
}

// all says the same of all files of a bundle.
func (g *gathering) all(in []inBundle, c Carried) {
	for _, f := range in {
		g.done[f.at] = c
	}
}

// exchangeBundle sends the bundle once. It settles its files but for those that are to be sent
// by themselves: one that came damaged, or all, should the server not take bundles.
func (g *gathering) exchangeBundle(in []inBundle) (again []inBundle, err error) {
	content := g.bytes
	b := &body{int64(len(content)), func(w *wire, _ <-chan struct{}) error { return w.write(content) }}
	fields := []field{{"Content-Type", bundle.Type}}
	if g.via != "" {
		fields = append(fields, field{bundle.Via, g.via})
	}
	err = g.once("POST", g.to, b, func(res *http.Response) (err error) {
		switch {
		case res.StatusCode == http.StatusOK:
			again, err = g.judge(in, res)
		case ofTheBundle(res.StatusCode):
			g.run.bundles.refused.Store(true)
			g.refused = apart(badStatus(g.to, res))
			again = in
		default:
			err = taken(g.to, res)
			g.all(in, Carried{Err: err, Alone: broke(res.StatusCode)})
		}
		return err
	}, fields...)
	return again, err
}

// judge settles files by the lines of their bundle's answer.
func (g *gathering) judge(in []inBundle, res *http.Response) (again []inBundle, err error) {
	answers, err := readAnswers(res, len(in))
	if err != nil {
		return nil, err
	}
	g.run.bundles.broken.Store(0)
	for i, a := range answers {
		f := in[i]
		err := takenAs(f.to, a.Status, func() string { return a.Text })
		switch {
		case errors.Is(err, errSpoilt):
			again = append(again, f)
		case err != nil:
			g.done[f.at].Err = err
		default:
			g.run.moved(f.size)
			g.done[f.at].Delivery = &Delivery{&note{}}
		}
	}
	return again, nil
}
