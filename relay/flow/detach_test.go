package flow

import (
	"testing"

	"relay/pipepool"
)

// A flow leaves one mover with what it holds and goes on with another.
func TestDetachAndAttach(t *testing.T) {
	for name, budget := range map[string]int64{"in a pipe": 0, "in a buffer": -1} {
		t.Run(name, func(t *testing.T) {
			d := shape{budget: budget, buffer: 8 << 10}.make(t)
			zeros := d.stuff(0)
			msg := piece(0, 0, 3000)
			d.send(0, msg)
			d.want(d.move(0), Blocked)
			used := d.budget.Used()

			other := NewMover(Auto, pipepool.New(d.budget, testPipe, clock), testChunk)
			defer other.Pool.Close()
			f := &d.flows[0]
			d.Detach(f)
			if d.Pool.Lent() != 0 || d.budget.Used() != 0 || !f.Holds() {
				t.Errorf("detached: %d pipes lent, %d bytes used, holds %v", d.Pool.Lent(), d.budget.Used(), f.Holds())
			}
			moved := *f
			other.Attach(&moved)
			if d.budget.Used() != used {
				t.Errorf("attached: %d bytes used, want %d", d.budget.Used(), used)
			}
			*f = Flow{Remain: Unlimited}
			d.receive(1, zeros)
			d.want(other.Move(&moved, &d.ends[0], &d.ends[1]), Drained)
			d.wantBytes(1, msg)
			if other.Pool.Lent() != 0 || moved.Moved != uint64(len(msg)) {
				t.Errorf("delivered: %d pipes lent, %d moved", other.Pool.Lent(), moved.Moved)
			}
		})
	}
}
