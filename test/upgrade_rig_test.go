package test

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// lane is one direction of a session that lives through upgrades: a stream that goes on
// until it is told to end, and is checked byte by byte where it arrives.
type lane struct {
	stream   peer.Stream
	from, to *peer.Conn
	sent     int64
	received int64
}

// pour writes chunks until stop is closed, then FIN.
func (l *lane) pour(chunk int, pause time.Duration, stop <-chan struct{}) error {
	buffer := make([]byte, chunk)
	for {
		select {
		case <-stop:
			return l.from.CloseWrite()
		case <-time.After(pause):
		}
		if err := l.write(buffer); err != nil {
			return err
		}
	}
}

func (l *lane) write(buffer []byte) error {
	l.stream.Fill(buffer, l.sent)
	n, err := l.from.Write(buffer)
	l.sent += int64(n)
	if err != nil {
		return fmt.Errorf("write at byte %d: %w", l.sent, err)
	}
	return nil
}

// drink reads and checks until FIN.
func (l *lane) drink() error {
	check := peer.Checker{Stream: l.stream, At: l.received}
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.to.Read(buffer)
		if wrong := check.Check(buffer[:n]); wrong != nil {
			return wrong
		}
		l.received = check.At
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read at byte %d: %w", check.At, err)
		}
	}
}

// read reads and checks so many bytes.
func (l *lane) read(buffer []byte) error {
	n, err := readFull(l.to, buffer)
	if err != nil {
		return fmt.Errorf("read at byte %d: %w", l.received+int64(n), err)
	}
	check := peer.Checker{Stream: l.stream, At: l.received}
	err = check.Check(buffer)
	l.received = check.At
	return err
}

// whole reports what is missing at the end.
func (l *lane) whole() error {
	if l.sent != l.received {
		return fmt.Errorf("%d bytes sent, %d received", l.sent, l.received)
	}
	return nil
}

// traveller is a session that lives through upgrades.
type traveller struct {
	pair
	kind     string
	slower   time.Duration // pauses are so many times longer, for the whole crowd to be about as busy
	up, down lane
	trips    []trip // of an RPC session
}

// trip is one request and its answer.
type trip struct {
	began time.Time
	took  time.Duration
}

// live does what a session of the kind does until stop is closed, and ends it. ready is
// called when it is in full swing.
func (v *traveller) live(stop <-chan struct{}, ready func()) error {
	defer ready()
	switch v.kind {
	case "bulk":
		ready()
		return v.bulk(stop)
	case "rpc":
		ready()
		return v.rpc(stop)
	case "idle":
		ready()
		<-stop
		return v.bye()
	case "half-closed":
		return v.halfClosed(stop, ready)
	case "blocked":
		return v.blocked(stop, ready)
	}
	panic("no such kind: " + v.kind)
}

// kinds are the kinds of travellers, in a mixture.
var kinds = []string{"bulk", "rpc", "rpc", "idle", "rpc", "half-closed", "idle", "blocked", "rpc", "idle"}

// crowdUsual is a crowd whose pauses are what they say.
const crowdUsual = 50

const (
	bulkChunk = 128 << 10
	bulkPause = 10 * time.Millisecond
	rpcBytes  = 100
	rpcPause  = 20 * time.Millisecond
)

func (v *traveller) bulk(stop <-chan struct{}) error {
	return together(
		func() error { return v.up.pour(bulkChunk, v.slower*bulkPause, stop) },
		func() error { return v.down.pour(bulkChunk, v.slower*bulkPause, stop) },
		v.up.drink, v.down.drink,
	)
}

func (v *traveller) rpc(stop <-chan struct{}) error {
	request := make([]byte, rpcBytes)
	for {
		select {
		case <-stop:
			return v.bye()
		case <-time.After(v.slower * rpcPause):
		}
		began := time.Now()
		for _, step := range []func([]byte) error{v.up.write, v.up.read, v.down.write, v.down.read} {
			if err := step(request); err != nil {
				return err
			}
		}
		v.trips = append(v.trips, trip{began, time.Since(began)})
	}
}

// bye sends a little each way and ends both directions.
func (v *traveller) bye() error {
	const last = 1000 // bytes
	return together(
		func() error {
			if err := v.up.write(make([]byte, last)); err != nil {
				return err
			}
			return v.client.CloseWrite()
		},
		func() error {
			if err := v.down.write(make([]byte, last)); err != nil {
				return err
			}
			return v.backend.CloseWrite()
		},
		v.up.drink, v.down.drink,
	)
}

// halfClosed ends one direction at once and uses the other at the end.
func (v *traveller) halfClosed(stop <-chan struct{}, ready func()) error {
	if err := v.client.CloseWrite(); err != nil {
		return err
	}
	if err := v.up.drink(); err != nil {
		return err
	}
	ready()
	<-stop
	if err := v.down.write(make([]byte, 300_000)); err != nil { // fits into the kernel's buffers
		return err
	}
	if err := v.backend.CloseWrite(); err != nil {
		return err
	}
	return v.down.drink()
}

// blocked sends until nothing more fits anywhere, and reads only at the end.
func (v *traveller) blocked(stop <-chan struct{}, ready func()) error {
	n, err := v.client.WriteBlocked(v.up.stream)
	if err != nil {
		return err
	}
	v.up.sent = n
	ready()
	<-stop
	return together(
		func() error { return v.client.CloseWrite() }, v.up.drink,
		func() error { return v.backend.CloseWrite() }, v.down.drink,
	)
}

func together(all ...func() error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, f := range all {
		running.Go(func() { errs[i] = f() })
	}
	running.Wait()
	return join(errs)
}

// journey is a crowd of travellers under way.
type journey struct {
	all     []*traveller
	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
	failed  atomic.Int64
	errs    []error
}

// depart opens sessions of all kinds and returns when all are in full swing.
func (r *rig) depart(t *testing.T, sessions int) *journey {
	t.Helper()
	j := &journey{stop: make(chan struct{}), errs: make([]error, sessions)}
	var ready sync.WaitGroup
	for i := range sessions {
		v := &traveller{pair: r.open(t), kind: kinds[i%len(kinds)], slower: time.Duration(max(sessions/crowdUsual, 1))}
		v.up = lane{stream: peer.Stream(2*i + 1), from: v.client, to: v.backend}
		v.down = lane{stream: peer.Stream(2*i + 2), from: v.backend, to: v.client}
		j.all = append(j.all, v)
		ready.Add(1)
		j.running.Go(func() {
			if err := v.live(j.stop, sync.OnceFunc(ready.Done)); err != nil {
				j.errs[i] = fmt.Errorf("%s: %w", v.kind, err)
				j.failed.Add(1)
			}
		})
	}
	ready.Wait()
	t.Cleanup(j.tell) // those that are broken end with their connections
	return j
}

// tell has all sessions end.
func (j *journey) tell() { j.once.Do(func() { close(j.stop) }) }

// arrive ends all sessions and checks each of them: no byte lost, and for the log each
// is one session that is complete.
func (j *journey) arrive(t *testing.T, r *rig) {
	t.Helper()
	j.tell()
	j.running.Wait()
	if err := join(j.errs); err != nil {
		t.Fatalf("%d of %d sessions broke:\n%v", j.failed.Load(), len(j.all), err)
	}
	for _, v := range j.all {
		if err := join([]error{v.up.whole(), v.down.whole()}); err != nil {
			t.Errorf("%s: %v", v.kind, err)
		}
		s := r.Relay.Session(t, v.client.LocalAddr().String())
		if s.Reason != "complete" || s.BytesUp != v.up.sent || s.BytesDown != v.down.sent {
			t.Errorf("%s: the log says %q after %d and %d bytes; %d and %d were sent", v.kind, s.Reason, s.BytesUp, s.BytesDown, v.up.sent, v.down.sent)
		}
	}
}

// pauses tells what requests had to wait that were under way in one of the windows.
func (j *journey) pauses(t *testing.T, windows [][2]time.Time) {
	t.Helper()
	var during, beside []time.Duration
	for _, v := range j.all {
		for _, p := range v.trips {
			end := p.began.Add(p.took)
			if slices.ContainsFunc(windows, func(w [2]time.Time) bool { return p.began.Before(w[1]) && end.After(w[0]) }) {
				during = append(during, p.took)
			} else {
				beside = append(beside, p.took)
			}
		}
	}
	t.Logf("requests during an upgrade: %s; at other times: %s", spreadOf(during), spreadOf(beside))
}

func spreadOf(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return all[int(share*float64(len(all)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d, p50 %v, p99 %v, longest %v", len(all), at(0.5), at(0.99), at(1))
}

// wantStatus checks what the log says of an upgrade.
func wantMoved(t *testing.T, l harness.Line, sessions int) {
	t.Helper()
	if moved := l.Field("moved"); moved != float64(sessions) {
		t.Errorf("moved %v sessions, want %d: %s", moved, sessions, l.Raw)
	}
}
