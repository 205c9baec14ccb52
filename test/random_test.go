package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// act is what a side does once it has sent what it wants to.
type act int

const (
	actFIN   act = iota // half-close and read on
	actReset            // reset, whatever comes from the other side
	actClose            // close both directions, as a program does that exits
	actWait             // half-close only after the other side's stream has ended
)

func (a act) String() string { return [...]string{"FIN", "reset", "close", "wait"}[a] }

// side is one end of a random session: what it does, then what it saw.
type side struct {
	act  act
	flow *peer.Flow // what it sends
	sent int64      // how much of it went into its socket
	got  seen       // how the other side's stream ended here
}

func (s *side) String() string {
	return fmt.Sprintf("%v after %d bytes, saw %v", s.act, s.sent, s.got)
}

// gone reports whether the side ended its connection itself, so that what it saw
// last is its own doing.
func (s *side) gone() bool { return s.act == actReset || s.act == actClose }

// seedOf is the seed of a random run: RELAY_SEED, or a new one. The log of the test tells
// it.
func seedOf(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RELAY_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("RELAY_SEED: ", err)
		}
	}
	t.Logf("RELAY_SEED=%d", seed)
	return seed
}

// Many sessions of all kinds at once: sizes, chunks, readers and ends are drawn from
// one seed. Whatever arrives is a right prefix; what ended by FIN is whole.
func TestRandom(t *testing.T) {
	seed := seedOf(t)
	sessions := 400
	if testing.Short() {
		sessions = 60
	}
	for i, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			r := setup{splice: splice}.start(t)
			runRandom(t, r, seed+uint64(i), sessions)
		})
	}
}

// runRandom runs this many sessions, some dozen at a time.
func runRandom(t *testing.T, r *rig, seed uint64, sessions int) {
	t.Helper()
	const atOnce = 24
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range sessions {
		slots <- struct{}{}
		// An address of its own: a port may come up again and name an older session's line.
		p := r.openFrom(t, fmt.Sprintf("127.1.%d.%d:0", i>>8, i&0xff))
		all.Go(func() {
			defer func() { <-slots }()
			client, backend := draw(seed, uint64(i))
			if err := settle(p, backend); err != nil {
				t.Errorf("session %d of seed %d: %v", i, seed, err)
				return
			}
			play(p, client, backend)
			logged, found := r.TrySession(p.client.LocalAddr().String())
			err := judge(client, backend)
			if err == nil {
				err = judgeLog(logged, found, client, backend)
			}
			if err != nil {
				t.Errorf("session %d of seed %d: %v\nclient: %v\nbackend: %v\nlogged: %+v", i, seed, err, client, backend, logged)
			}
		})
	}
	all.Wait()
}

// settle makes sure that the program knows of its connection to a backend that will
// break it: one that breaks before counts as a failed connect, and is tried again.
func settle(p pair, backend *side) error {
	if !backend.gone() {
		return nil
	}
	return p.tryPing()
}

// draw draws what both sides of a session do.
func draw(seed, session uint64) (client, backend *side) {
	dice := rand.New(rand.NewPCG(seed, session))
	client, backend = drawSide(dice, seed<<20+2*session), drawSide(dice, seed<<20+2*session+1)
	if client.act == actWait && backend.act == actWait {
		backend.act = actFIN // one has to end first
	}
	return client, backend
}

// drawSide draws what one side does.
func drawSide(dice *rand.Rand, stream uint64) *side {
	s := &side{act: [...]act{actFIN, actFIN, actFIN, actWait, actReset, actClose}[dice.IntN(6)]}
	var stages []peer.Stage
	for range 1 + dice.IntN(4) {
		stages = append(stages, peer.Stage{
			Bytes: dice.Int64N(1 << (1 + dice.IntN(22))),
			Min:   1 << dice.IntN(10),
			Max:   1 << (2 + dice.IntN(18)),
		})
	}
	s.flow = peer.NewFlow(stream, stages...)
	if dice.IntN(3) == 0 {
		s.flow.Slowly(peer.Reading{
			Min: 64, Max: 1 << (8 + dice.IntN(10)), Every: 1 << (14 + dice.IntN(7)), Pause: time.Millisecond,
		})
	}
	return s
}

// play runs both sides of a session to their ends.
func play(p pair, client, backend *side) {
	var all sync.WaitGroup
	all.Go(func() { client.play(p.client, backend) })
	all.Go(func() { backend.play(p.backend, client) })
	all.Wait()
	p.client.Close()
	p.backend.Close()
}

func (s *side) play(c *peer.Conn, other *side) {
	arrived := reading(other.flow, c)
	sent, err := s.flow.SendUpTo(c, s.flow.Bytes())
	s.sent = sent
	switch {
	case err != nil: // cut off by the other side; the reader will tell
	case s.act == actFIN:
		_ = c.CloseWrite() // fails only if cut off meanwhile
	case s.act == actReset:
		_ = c.Reset()
	case s.act == actClose:
		c.Close()
	}
	s.got = <-arrived
	if s.act == actWait && err == nil {
		_ = c.CloseWrite()
	}
}

// judge compares what each side saw with what the other did.
func judge(client, backend *side) error {
	if err := client.judge(backend); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if err := backend.judge(client); err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	return nil
}

// judge checks what this side saw of the other's stream.
func (s *side) judge(other *side) error {
	if s.gone() {
		// It may have left before the end, but wrong bytes are wrong.
		if s.got.bytes > other.sent {
			return fmt.Errorf("got more than was sent")
		}
		return nil
	}
	switch s.got.end {
	case peer.FIN:
		if other.act == actReset {
			return fmt.Errorf("a stream that was cut off looks complete")
		}
		if s.got.bytes != other.flow.Bytes() || other.sent != other.flow.Bytes() {
			return fmt.Errorf("FIN after a part of the stream")
		}
	case peer.Reset:
		if !other.gone() {
			return fmt.Errorf("reset, and nobody had reset")
		}
	default:
		return fmt.Errorf("the stream broke or stalled")
	}
	return nil
}

// judgeLog compares the session's line in the access log with what both sides did. A
// session must have one: both sides have closed their connections.
func judgeLog(logged harness.Session, found bool, client, backend *side) error {
	if !found {
		return fmt.Errorf("the session does not end")
	}
	switch logged.Reason {
	case "complete":
		if client.act == actReset || backend.act == actReset {
			return nil // the reset may have come after both streams had ended
		}
	case "client_reset", "backend_reset":
		if !client.gone() && !backend.gone() {
			return fmt.Errorf("logged as reset, and nobody had reset")
		}
		return nil
	default:
		return fmt.Errorf("logged with the reason %q", logged.Reason)
	}
	if client.gone() || backend.gone() {
		return nil
	}
	if logged.BytesUp != client.sent || logged.BytesDown != backend.sent {
		return fmt.Errorf("logged with wrong counts")
	}
	return nil
}

// A pipe that held bytes of a dead session must never serve another one: sessions
// are cut off with full pipes, and the next ones check every byte they get.
func TestCutSessionsLeaveNoBytesBehind(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice, edit: func(c *harness.Config) { c.Engine["pipe_budget"] = "4MiB" }}.start(t)
		for round := range uint64(3) {
			var cut []pair
			for i := range uint64(4) {
				p := r.open(t)
				fill(t, p.client, peer.Stream(round<<8+i))
				cut = append(cut, p)
			}
			for _, p := range cut {
				must(t, "reset", p.backend.Reset())
				p.client.Close()
			}
			carryMany(t, r, 8, scaled(4*mib))
		}
	})
}
