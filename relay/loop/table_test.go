package loop

import (
	"math"
	"testing"
)

func TestTableGrowsOverPages(t *testing.T) {
	const n = 3*pageSlots + 1
	var ends table
	slots := make([]*slot, n)
	for i := range n {
		at, s := ends.take()
		if at != uint32(i) {
			t.Fatalf("slot %d is number %d", i, at)
		}
		s.fd = int32(i)
		slots[i] = s
	}
	if len(ends.pages) != 4 {
		t.Errorf("%d pages for %d slots", len(ends.pages), n)
	}
	for i, s := range slots {
		if ends.at(tokenOf(uint32(i), s)) != s || s.fd != int32(i) {
			t.Fatalf("slot %d moved when the table grew", i)
		}
	}
}

// Slots that are free are taken before the table grows, and only after the round.
func TestTableReusesAfterTheRound(t *testing.T) {
	var ends table
	for i := range uint32(pageSlots) {
		_, s := ends.take()
		if i%2 == 0 {
			ends.drop(tokenOf(i, s), s)
		}
	}
	if at, _ := ends.take(); at != pageSlots {
		t.Errorf("slot %d was taken in the round in which it was freed", at)
	}
	ends.free()
	for range pageSlots / 2 {
		if at, _ := ends.take(); at%2 != 0 || at >= pageSlots {
			t.Fatalf("slot %d was taken while others are free", at)
		}
	}
	if at, _ := ends.take(); at != pageSlots+1 {
		t.Errorf("slot %d was taken, want a fresh one", at)
	}
}

func TestNoTokenIsZero(t *testing.T) {
	var ends table
	if ends.at(0) != nil {
		t.Error("token zero names an end of an empty table")
	}
	_, s := ends.take()
	if tok := tokenOf(0, s); tok == 0 || tok == wakeToken || ends.at(0) != nil {
		t.Errorf("slot 0 has token %#x; zero must name nobody", tok)
	}
	s.generation = math.MaxUint32
	last := tokenOf(0, s)
	ends.drop(last, s)
	if s.generation == 0 || ends.at(0) != nil || ends.at(last) != nil {
		t.Errorf("generation %d follows the last one", s.generation)
	}
}

func TestTokenBeyondTheTable(t *testing.T) {
	var ends table
	ends.take()
	for _, tok := range []Token{1, 1<<32 | 1, math.MaxUint64, 1<<32 | pageSlots} {
		if ends.at(tok) != nil {
			t.Errorf("token %#x names an end", tok)
		}
	}
}

func tokenOf(i uint32, s *slot) Token { return Token(s.generation)<<32 | Token(i) }
