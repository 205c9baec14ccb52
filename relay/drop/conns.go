package drop

import (
	"bufio"
	"bytes"
	"time"

	"github.com/rs/zerolog"

	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Conns are the connections of one loop, to whatever drop.
type Conns struct {
	loop     *loop.Loop
	mover    *flow.Mover
	sender   *flow.Sender
	receiver *flow.Receiver
	workers  Workers
	arrivals *Arrivals
	log      zerolog.Logger
	access   bool // write the access log
	draining bool
	spare    *Conn
	newest   *Conn
	count    int
	accepted uint64
	tallies  map[string]*Tally // by drop

	// Scratch space, used within one turn and shared by all.
	input  []byte // a head as it is peeked
	output []byte // a response's head, and a small file after it
	text   bytes.Reader
	reader *bufio.Reader
	date   dateLine
}

// outputBytes holds the longest head we write (a redirect to the longest path, each byte
// escaped) and a small file.
const outputBytes = 64 << 10

// NewConns makes the (empty) connections of a loop.
func NewConns(l *loop.Loop, m *flow.Mover, w Workers, arrivals *Arrivals, log zerolog.Logger, access bool) *Conns {
	return &Conns{
		loop: l, mover: m, sender: flow.NewSender(m, w.Disk, l), receiver: flow.NewReceiver(m, w.Disk, l),
		workers: w, arrivals: arrivals, log: log, access: access, tallies: map[string]*Tally{},
	}
}

// Accepted is the number of connections that this loop has taken so far.
func (cs *Conns) Accepted() uint64 { return cs.accepted }

// Count is the number of connections on this loop.
func (cs *Conns) Count() int { return cs.count }

// Taker is what the acceptor of one drop on this loop gives its connections to.
func (cs *Conns) Taker(d *Drop) listen.Taker { return &taker{cs, d} }

type taker struct {
	conns *Conns
	drop  *Drop
}

// Take starts a connection. Its first request has the header timeout from here on.
func (t *taker) Take(a listen.Conn) {
	cs := t.conns
	cs.accepted++
	c := cs.open(t.drop)
	c.id = cs.loop.NewID()
	c.client = a.Client
	c.end.FD, c.end.Kind = a.FD, a.Kind
	c.active = cs.loop.Now()
	c.deadline = c.active + t.drop.headerTimeout
	c.owes = t.drop.owesHeader(a)
	c.setState(idle)
	var errno sock.Errno
	if c.token, errno = cs.loop.Register(a.FD, c, 0, loop.In); errno != 0 {
		c.finish(NoResources)
		return
	}
	cs.loop.SetTimer(&c.timer, c, c.deadline)
}

// Refused writes the access-log line of a connection that never was.
func (t *taker) Refused(a listen.Conn, why listen.Refusal) {
	c := Conn{in: t.conns, drop: t.drop, counts: t.conns.tally(t.drop), client: a.Client}
	c.end.Kind = a.Kind
	c.request.began = loop.Clock()
	c.logRequest(Reason(why))
}

// slab is how many connections are made at once; one by one each would pay the
// allocator's rounding.
const slab = 32

// open takes a connection from the spare ones and puts it on the list.
func (cs *Conns) open(d *Drop) *Conn {
	if cs.spare == nil {
		fresh := new([slab]Conn)
		for i := range fresh {
			fresh[i].older, cs.spare = cs.spare, &fresh[i]
		}
	}
	c := cs.spare
	cs.spare = c.older
	*c = Conn{in: cs, drop: d, counts: cs.tally(d), file: idleFile, doubt: loop.Never, older: cs.newest}
	d.hold()
	if cs.newest != nil {
		cs.newest.newer = c
	}
	cs.newest = c
	cs.count++
	return c
}

// release takes a connection off the list and keeps its memory for the next.
func (cs *Conns) release(c *Conn) {
	c.drop.release()
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		cs.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	}
	*c = Conn{older: cs.spare}
	cs.spare = c
	cs.count--
}

// scratch makes the loop's buffers when the first request comes: a loop that serves no
// drop needs none.
func (cs *Conns) scratch() {
	if cs.input == nil {
		cs.input = make([]byte, headMost)
		cs.output = make([]byte, 0, outputBytes)
		cs.reader = bufio.NewReaderSize(nil, headMost)
	}
}

// lingerDrained is how long a connection may linger, or be silent before its first
// request, once everything should end.
const lingerDrained = int64(time.Second)

// Drain closes the connections that wait for a next request; one whose request is
// already here is served. Responses under way finish, and say that they are the last.
func (cs *Conns) Drain() {
	cs.draining = true
	now := cs.loop.Now()
	for c, older := cs.newest, (*Conn)(nil); c != nil; c = older {
		older = c.older
		c.wind(now)
	}
}

// FinishAll ends every connection with a reset: the drain is over, or must not wait.
// Those whose file is with a disk worker follow when it reports.
func (cs *Conns) FinishAll(why Reason) {
	for c, older := cs.newest, (*Conn)(nil); c != nil; c = older {
		older = c.older
		c.finish(why)
	}
}

func milliseconds(ns int64) float64 { return float64(ns) / float64(time.Millisecond) }
