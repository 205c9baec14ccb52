package drop

import (
	"testing"
	"time"
)

// clocks are the two of a machine, of which one is set.
type clocks struct {
	wall time.Time
	mono time.Duration
}

func (c *clocks) pass(d time.Duration) { c.wall, c.mono = c.wall.Add(d), c.mono+d }

func (c *clocks) ages() *ages {
	return &ages{wall: func() time.Time { return c.wall }, mono: func() time.Duration { return c.mono }}
}

// Files do not grow old because the clock is set forward, whenever they came, and those
// that come afterwards grow old as they should.
func TestAgesWhenTheClockIsSetForward(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
		c := &clocks{wall: time.Unix(1000, 0)}
		a := c.ages()
		first := c.wall
		c.pass(time.Minute)
		a.look()
		c.pass(30 * time.Second)
		second := c.wall // after the last look
		c.pass(10 * time.Second)
		c.wall = c.wall.Add(by)
		third := c.wall
		c.pass(20 * time.Second)
		if got := a.look(); got != by {
			t.Errorf("the clock was set by %v, not %v", got, by)
		}
		c.pass(time.Minute)
		if got := a.look(); got != 0 {
			t.Errorf("then it was set by %v", got)
		}
		for i, want := range []time.Duration{3 * time.Minute, 90 * time.Second, 80 * time.Second} {
			if got := a.of([]time.Time{first, second, third}[i]); got != want {
				t.Errorf("set by %v: file %d is %v old, not %v", by, i+1, got, want)
			}
		}
		for _, age := range []time.Duration{70 * time.Second, 2 * time.Minute, time.Hour} {
			if at := a.before(age); a.of(at.Add(-1)) <= age {
				t.Errorf("set by %v: what is before %v is %v old, not more than %v", by, at, a.of(at.Add(-1)), age)
			}
		}
	}
}

// Set back, it keeps files longer, and never removes one early; drifting is no leap.
func TestAgesWhenTheClockIsSetBack(t *testing.T) {
	c := &clocks{wall: time.Unix(1_000_000, 0)}
	a := c.ages()
	a.look()
	first := c.wall
	c.pass(time.Minute)
	c.wall = c.wall.Add(-24 * time.Hour)
	second := c.wall
	if got := a.look(); got != -24*time.Hour {
		t.Errorf("the clock was set by %v", got)
	}
	c.pass(time.Minute)
	c.wall = c.wall.Add(time.Second) // it drifts
	if got := a.look(); got != 0 {
		t.Errorf("then it was set by %v", got)
	}
	if got := a.of(first); got > 2*time.Minute {
		t.Errorf("the first file is %v old", got)
	}
	if got := a.of(second); got != time.Minute+time.Second {
		t.Errorf("the second file is %v old", got)
	}
	// It is put right, and nothing grows old by that.
	c.wall = c.wall.Add(24 * time.Hour)
	a.look()
	for _, file := range []time.Time{first, second} {
		if got := a.of(file); got > 3*time.Minute {
			t.Errorf("put right: a file is %v old", got)
		}
	}
}
