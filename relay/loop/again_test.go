package loop

import (
	"slices"
	"testing"
)

// An unfinished end gets one turn in the next round, not in this one.
func TestAgainIsOneTurnInTheNextRound(t *testing.T) {
	l := newLoop(t)
	var turns []uint64
	tok := register(t, l, readable(t), owner(func(_ uint8, ev Events) {
		if ev != Resume {
			t.Errorf("event %#x, want Resume", uint32(ev))
		}
		turns = append(turns, l.Turns())
	}), 0)
	var asked uint64
	script(t, l, idle, func() { asked = l.Turns(); l.Again(tok) }, idle, idle, idle)
	if !slices.Equal(turns, []uint64{asked + 1}) {
		t.Errorf("asked in round %d, had its turns in %v", asked, turns)
	}
}

// Everybody has a turn before anybody has a second one, in the order of asking.
func TestAgainIsFair(t *testing.T) {
	const ends, rounds = 5, 4
	l := newLoop(t)
	tokens := make([]Token, ends)
	var order []uint8
	hear := func(tag uint8, _ Events) {
		order = append(order, tag)
		if len(order) < ends*rounds {
			l.Again(tokens[tag])
		}
	}
	for i := range tokens {
		tokens[i], _ = l.Register(readable(t), owner(hear), uint8(i), 0)
		l.Again(tokens[i])
	}
	script(t, l, idle, idle, idle, idle, idle, idle)
	var want []uint8
	for range rounds {
		want = append(want, 0, 1, 2, 3, 4)
	}
	if !slices.Equal(order[:min(len(order), len(want))], want) {
		t.Errorf("turns went %v", order)
	}
}

// New events are dispatched between the turns of unfinished work.
func TestAgainDoesNotShutOutEvents(t *testing.T) {
	l := newLoop(t)
	var busy Token
	turns := 0
	busy = register(t, l, readable(t), owner(func(uint8, Events) { turns++; l.Again(busy) }), 0)
	l.Again(busy)
	near, far := pair(t)
	var c counter
	register(t, l, near, &c, In)
	script(t, l, idle, func() { send(t, far) }, func() {
		if c.n != 1 {
			t.Errorf("%d events, want 1 in the round after the byte was sent", c.n)
		}
	})
	if turns < 3 {
		t.Errorf("the busy end had %d turns", turns)
	}
}

// Long turns leave room for events: when the time of a round is up, those who still wait
// keep their places.
func TestAgainIsBoundedInTime(t *testing.T) {
	const ends = 4
	l := newLoop(t)
	var order []uint8
	rounds := map[uint64]int{}
	work := owner(func(tag uint8, _ Events) {
		order = append(order, tag)
		rounds[l.Turns()]++
		for Clock()-l.Now() <= resumeFor { // as long a turn as a round has time for
		}
	})
	for i := range uint8(ends) {
		tok, _ := l.Register(readable(t), work, i, 0)
		l.Again(tok)
	}
	script(t, l, idle, idle, idle, idle, idle)
	if !slices.Equal(order, []uint8{0, 1, 2, 3}) || len(rounds) != ends {
		t.Errorf("turns went %v in %d rounds, want each in one of its own, first come first served", order, len(rounds))
	}
}
