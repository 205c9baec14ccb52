package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"relay/relay/probe"
)

// Bench is a run: what, where, and with whom.
type Bench struct {
	Plan Plan
	Dir  string         // for the file that is sent and those that are received
	To   netip.AddrPort // a sink elsewhere; the zero value starts one here
	// Child is the command that makes this program a child in a role (Serve): its own
	// path and arguments, to which the role is added.
	Child []string
	// Progress, if set, is told before each step what it is and how many bytes of work
	// of all were done.
	Progress func(doing string, done, all int64)

	file         *os.File
	sink, feeder netip.AddrPort
	children     []*child
	worker       *child
	done, all    int64
	record       *Record
}

// overhead is what a measurement takes besides its bytes, in bytes' worth of time.
const overhead = 20e6

// Run measures. The record has failures, if any; an error is of the bench itself.
func (b *Bench) Run(ctx context.Context) (*Record, error) {
	if err := b.Plan.Check(); err != nil {
		return nil, err
	}
	b.record = &Record{
		Date: time.Now(), Machine: thisMachine(), Kernel: probe.Run(),
		Dir: b.Dir, FS: probe.FileSystem(b.Dir),
	}
	if b.To.IsValid() {
		b.record.Sink = b.To.String()
	}
	b.fit()
	b.record.Plan = b.Plan
	defer b.close()
	cases := b.Plan.Cases()
	for _, c := range cases {
		b.all += int64(b.Plan.Rounds) * (c.Bytes + overhead)
	}
	if err := b.start(); err != nil {
		return nil, err
	}
	sound, err := b.compare(ctx)
	if err != nil {
		return nil, err
	}
	for round := 1; round <= b.Plan.Rounds; round++ {
		if err := b.round(ctx, round, cases, sound); err != nil {
			return nil, err
		}
	}
	return b.record, nil
}

// fit leaves out the sizes for which there is no room: the file, and one received.
func (b *Bench) fit() {
	free := room(b.Dir)
	var sizes []int64
	for _, s := range b.Plan.Sizes {
		if 2*s+(256<<20) > free && s > 64<<20 {
			b.record.Notes = append(b.record.Notes, fmt.Sprintf("%d MB is left out: %s has no room for it (--dir names another place)", s/1e6, b.Dir))
			continue
		}
		sizes = append(sizes, s)
	}
	if len(sizes) > 0 {
		b.Plan.Sizes = sizes
	}
}

// start makes the file and the processes.
func (b *Bench) start() (err error) {
	b.tell("writing a file")
	if b.file, err = makeFile(b.Dir, b.Plan.Largest()); err != nil {
		return err
	}
	b.sink = b.To
	if !b.To.IsValid() {
		if b.sink, err = b.serving(RoleSink); err != nil {
			return err
		}
	}
	if b.feeder, err = b.serving(RoleFeeder); err != nil {
		return err
	}
	return b.hire()
}

func (b *Bench) serving(r Role) (netip.AddrPort, error) {
	c, err := b.spawn(r)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b.children = append(b.children, c)
	return c.address()
}

func (b *Bench) spawn(r Role) (*child, error) {
	c, err := spawn(append(append([]string{}, b.Child...), string(r)), b.file)
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", r, err)
	}
	return c, nil
}

// hire starts a worker in place of the last one, if there was one.
func (b *Bench) hire() (err error) {
	if b.worker != nil {
		b.worker.close()
	}
	b.worker, err = b.spawn(RoleWorker)
	return err
}

// compareBytes is how much each method sends to a sink that compares every byte.
const compareBytes = 64e6

// compare has every byte of each method's looked at. What comes out wrong is not timed.
func (b *Bench) compare(ctx context.Context) (sound map[string]bool, err error) {
	sound = make(map[string]bool)
	for _, m := range b.Plan.Methods {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.tell("comparing every byte: " + m.Key)
		c := Case{Method: m.Key, Bytes: min(compareBytes, b.Plan.Largest()), Chunk: b.Plan.BaseChunk(), Streams: b.Plan.BaseStreams()}
		if m.Buffer > 0 {
			c.Chunk = m.Buffer
		}
		_, failed := b.worker.do(job{Case: c, Verify: true, Sink: b.sink, Feeder: b.feeder})
		if sound[m.Key] = failed == nil; failed != nil {
			if err := b.fail(c, 0, failed); err != nil {
				return nil, err
			}
		}
	}
	return sound, nil
}

// round measures every case once. Each round begins with another one, so that what the
// machine does besides hits no method more than the others.
func (b *Bench) round(ctx context.Context, round int, cases []Case, sound map[string]bool) error {
	first := (round - 1) * len(cases) / b.Plan.Rounds
	for i := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := cases[(first+i)%len(cases)]
		b.tell(fmt.Sprintf("round %d of %d: %s", round, b.Plan.Rounds, c.Method))
		b.done += c.Bytes + overhead
		if !sound[c.Method] {
			continue
		}
		used, err := b.worker.do(job{Case: c, Sink: b.sink, Feeder: b.feeder})
		if err == nil {
			b.record.add(c, used)
		} else if err := b.fail(c, round, err); err != nil {
			return err
		}
	}
	return nil
}

// fail notes a failure and goes on with a fresh worker: whatever was under way in the
// old one must not disturb the next.
func (b *Bench) fail(c Case, round int, why error) error {
	b.record.Failures = append(b.record.Failures, Failure{Case: c, Round: round, Error: why.Error()})
	return b.hire()
}

func (b *Bench) tell(doing string) {
	if b.Progress != nil {
		b.Progress(doing, b.done, b.all)
	}
}

func (b *Bench) close() {
	if b.worker != nil {
		b.worker.close()
	}
	for _, c := range b.children {
		c.close()
	}
	if b.file != nil {
		b.file.Close()
	}
}
