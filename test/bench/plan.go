package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// runRounds measures every workload through every peer once a round. All peers take
// their turn at one workload before the next begins, so that what drifts on the
// machine drifts for all of them; who begins changes each time.
func (b *bench) runRounds(ctx context.Context, c cast, progress io.Writer) ([]result, error) {
	work := selectWork(b.only, b.file)
	if err := b.preparePayload(work); err != nil {
		return nil, err
	}
	var results []result
	for round := range b.rounds {
		for i, w := range work {
			peers := c.playing(w.group)
			for turn := range peers {
				p := peers[(round+i+turn)%len(peers)]
				r := b.record(ctx, round, w, p)
				if ctx.Err() != nil {
					return results, ctx.Err()
				}
				results = append(results, r)
				fmt.Fprintf(progress, "round %d/%d  %-9s  %-15s  %s\n", round+1, b.rounds, w.name, p.name, r.brief(w.group))
			}
		}
	}
	return results, nil
}

// disturbance is the share of the machine's CPUs above which other processes are worth
// a word. Below it lie the kernel's own threads and interrupts on idle CPUs.
const disturbance = 0.10

// record takes one measurement, and takes it again if others disturbed it and that was
// asked for. The least disturbed one counts, whatever it says; a failure always does.
func (b *bench) record(ctx context.Context, round int, w workload, p peer) result {
	best := result{Foreign: math.Inf(1)}
	for try := range b.retries + 1 {
		r := result{Round: round + 1, Work: w.name, Peer: p.name, Start: time.Now()}
		var err error
		r.Numbers, r.Foreign, err = b.measure(ctx, w, p)
		if err != nil {
			r.Numbers, r.Error = nil, err.Error()
			return r
		}
		if r.Foreign < best.Foreign {
			best = r
		}
		best.Tries = try + 1
		if best.Foreign <= disturbance {
			break
		}
	}
	return best
}

// playing is the peers that have a part in a group.
func (c cast) playing(g *group) []peer {
	if g.servers {
		return c.servers
	}
	var peers []peer
	for _, p := range c.proxies {
		if g.takes(p) {
			peers = append(peers, p)
		}
	}
	return peers
}

// preparePayload writes the file to be sent if any workload sends one.
func (b *bench) preparePayload(work []workload) error {
	for _, w := range work {
		if w.group.servers {
			dir := filepath.Join(b.scratch, "files")
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			return writePayload(filepath.Join(dir, payloadName), b.file)
		}
	}
	return nil
}
