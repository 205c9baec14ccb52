package test

import (
	"bytes"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Urgent data (MSG_OOB) can be sent by any peer at any time. It stands outside the
// stream or in it, at the program's choice; around it nothing may change, and an
// event loop that splices must not spin at the urgent mark.

const urgentByte = '!'

// urgentAt is where in the stream the urgent byte comes.
var urgentAt = []struct {
	name          string
	before, after int
}{
	{"first", 0, 1000},
	{"in small messages", 1000, 1000},
	{"in a long stream", 4 * mib, 4 * mib},
	{"last", 100 * kib, 0},
	{"alone", 0, 0},
}

func TestUrgentData(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		for _, at := range urgentAt {
			t.Run(at.name, func(t *testing.T) {
				bySide(t, func(t *testing.T, _ string, turn func(pair) pair) {
					p := r.open(t)
					sendUrgent(t, r, turn(p), at.before, at.after)
					p.client.Close()
					p.backend.Close()
				})
			})
		}
	})
}

// sendUrgent sends a stream with an urgent byte in it, is quiet for a while, then
// ends the stream.
func sendUrgent(t *testing.T, r *rig, p pair, before, after int) {
	t.Helper()
	stream := peer.Stream(1).Bytes(0, before+after)
	arrived := collect(p.backend)
	_, err := p.client.Write(stream[:before])
	must(t, "write", err)
	must(t, "urgent", p.client.SendUrgent(urgentByte))
	_, err = p.client.Write(stream[before:])
	must(t, "write", err)
	delivered(t, p.client)
	r.Quiet(t)
	must(t, "half-close", p.client.CloseWrite())
	got := <-arrived
	inline := append(append(bytes.Clone(stream[:before]), urgentByte), stream[before:]...)
	if !bytes.Equal(got, stream) && !bytes.Equal(got, inline) {
		t.Errorf("%d bytes arrived, want the %d sent, with or without the urgent one", len(got), len(stream))
	}
	if _, err := p.backend.Write([]byte("back")); err != nil {
		t.Errorf("the other direction: %v", err)
	}
	var back [4]byte
	if _, err := readFull(p.client, back[:]); err != nil || string(back[:]) != "back" {
		t.Errorf("the other direction: %q, %v", back, err)
	}
}

// collect reads everything to the end, beside the test.
func collect(c *peer.Conn) <-chan []byte {
	all := make(chan []byte, 1)
	go func() {
		var got bytes.Buffer
		_, _ = got.ReadFrom(struct{ *peer.Conn }{c}) // the bytes are judged
		all <- got.Bytes()
	}()
	return all
}

// Urgent bytes all over a stream whose sink is blocked.
func TestUrgentDataBehindBlockedReader(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice}.start(t)
		p := r.open(t)
		const piece, pieces = 256 * kib, 128
		stream := peer.Stream(1).Bytes(0, piece*pieces)
		var sent atomic.Int64
		done := make(chan error, 1)
		go func() { done <- strewUrgent(p.client, stream, piece, &sent) }()
		stalled(t, &sent)
		r.Quiet(t)
		got := <-collect(p.backend)
		must(t, "send", <-done)
		if at := mismatch(got, stream, piece); at >= 0 {
			t.Errorf("%d bytes arrived, wrong from byte %d on; %d were sent and %d urgent ones", len(got), at, len(stream), pieces)
		}
	})
}

// strewUrgent sends a stream with an urgent byte after every piece, and its FIN.
func strewUrgent(c *peer.Conn, stream []byte, piece int, sent *atomic.Int64) error {
	for part := range slices.Chunk(stream, piece) {
		if _, err := c.Write(part); err != nil {
			return err
		}
		if err := c.SendUrgent(urgentByte); err != nil {
			return err
		}
		sent.Add(1)
	}
	return c.CloseWrite()
}

// stalled waits until a count stands still.
func stalled(t *testing.T, count *atomic.Int64) {
	t.Helper()
	last, since := count.Load(), time.Now()
	harness.Eventually(t, "the sender is held up", func() (bool, any) {
		if n := count.Load(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond, last
	})
}

// mismatch is where got stops being the stream with some of its urgent bytes, -1 if it
// never does. An urgent byte that another one overtakes is ordinary data (tcp(7)).
func mismatch(got, stream []byte, piece int) int {
	at := 0
	for part := range slices.Chunk(stream, piece) {
		if !bytes.HasPrefix(got[at:], part) {
			return at
		}
		at += len(part)
		if at < len(got) && got[at] == urgentByte {
			at++
		}
	}
	if at < len(got) {
		return at
	}
	return -1
}

// A peer that sends nothing but urgent bytes disturbs nobody.
func TestUrgentFlood(t *testing.T) {
	eachMode(t, func(t *testing.T, splice string) {
		r := setup{splice: splice, edit: func(c *harness.Config) { c.Engine["loops"] = 1 }}.start(t)
		hostile, other := r.open(t), r.open(t)
		drained := collect(hostile.backend)
		for range 2000 {
			must(t, "urgent", hostile.client.SendUrgent(urgentByte))
		}
		other.ping(t)
		r.Quiet(t)
		must(t, "reset", hostile.client.Reset())
		<-drained
		other.ping(t)
	})
}
