package store

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// anew is a store of the same directory as a later process makes it, that remembers
// nothing.
func anew(s *Store) *Store {
	next := New(s.dir, s.durable)
	next.told = newTold()
	return next
}

func publishAs(t *testing.T, s *Store, path, id string, c Conflict) Published {
	t.Helper()
	p, err := s.Begin(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	done, err := p.Publish(Terms{ID: id, Conflict: c})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// An id is known as long as the file is there, and after the store has taken it away
// until the note is forgotten; by others it never was.
func TestRepeats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := New(r.Store.dir, false)
	a, b := "a"+rand.Text(), "b"+rand.Text() // directories of other tests had the same number, maybe
	publishAs(t, s, "d/x", a, KeepBoth)
	if done := publishAs(t, s, "d/x", b, KeepBoth); done.Path != "d/x (1)" || done.Repeated {
		t.Errorf("the second is %+v", done)
	}
	check := func(when string, s *Store, path, id, want string) {
		t.Helper()
		if done, ok := s.Repeats(path, id); ok != (want != "") || done.Path != want || done.Repeated != ok {
			t.Errorf("%s: %s as %s is %+v, %v", when, path, id[:1], done, ok)
		}
	}
	for when, s := range map[string]*Store{"at once": s, "after a start": anew(s)} {
		check(when, s, "d/x", a, "d/x")
		check(when, s, "d/x", b, "d/x (1)")
		check(when, s, "d/y", a, "")
		check(when, s, "x", a, "")
		check(when, s, "d/x", strings.Repeat("c", 32), "")
	}
	if done := publishAs(t, anew(s), "d/x", b, Fail); !done.Repeated || done.Path != "d/x (1)" {
		t.Errorf("published again: %+v", done)
	}
	if err := s.Remove("d/x", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Move("d/x (1)", "elsewhere", false, nil); err != nil {
		t.Fatal(err)
	}
	check("removed", anew(s), "d/x", a, "d/x")
	check("moved", anew(s), "d/x", b, "d/x (1)")
	check("in another directory", anew(s), "x", a, "")
	check("another name", anew(s), "d/y", a, "")
	check("another name", anew(s), "d/y", b, "")
	s.Forget(time.Now().Add(-time.Hour))
	check("not yet forgotten", anew(s), "d/x", a, "d/x")
	s.Forget(time.Now().Add(time.Hour))
	check("forgotten", anew(s), "d/x", a, "")
	if left, _ := os.ReadDir(filepath.Join(r.dir, stateDirectory)); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// What is remembered has a bound.
func TestToldBound(t *testing.T) {
	t.Parallel()
	m := newTold()
	for i := range toldMost + 10 {
		m.add(transfer{strconv.Itoa(i), "x"}, Published{})
	}
	_, first := m.find(transfer{"0", "x"})
	if _, last := m.find(transfer{strconv.Itoa(toldMost + 9), "x"}); len(m.by) != toldMost || first || !last {
		t.Errorf("%d are remembered, the first %v, the last %v", len(m.by), first, last)
	}
}

// What is forgotten and remembered anew is as fresh as what is new: its old place is not
// its any more.
func TestToldAgain(t *testing.T) {
	t.Parallel()
	m := newTold()
	of := func(i int) transfer { return transfer{strconv.Itoa(i), "x"} }
	first, second := of(0), of(1)
	for i := range toldMost - 1 {
		m.add(of(i), Published{})
	}
	m.forget(first)
	m.add(first, Published{Path: "again"})
	m.add(second, Published{Path: "again"}) // in the place that the first one had
	m.add(of(toldMost), Published{})        // and that is where the second one had been
	for _, again := range []transfer{first, second} {
		if done, ok := m.find(again); !ok || done.Path != "again" {
			t.Errorf("%s was forgotten: %+v", again.id, done)
		}
	}
	if _, ok := m.find(of(2)); !ok || len(m.by) != toldMost {
		t.Errorf("%d are remembered, the oldest %v", len(m.by), ok)
	}
	m.add(of(toldMost+1), Published{})
	if _, ok := m.find(of(2)); ok || len(m.by) != toldMost {
		t.Errorf("%d are remembered, the oldest %v", len(m.by), ok)
	}
	for range toldMost + 1 { // whatever is forgotten, the bound holds
		m.forget(first)
		m.add(first, Published{})
	}
	if len(m.by) > toldMost {
		t.Errorf("%d are remembered", len(m.by))
	}
}

// Where nothing has the name the file is not looked for, and its id is known all the same.
func TestRepeatsOfTaken(t *testing.T) {
	t.Parallel()
	r, id := newRig(t), freshID()
	terms := Terms{ID: id, Conflict: KeepBoth}
	if _, err := r.put("x", "one", terms); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove("x", nil); err != nil {
		t.Fatal(err)
	}
	later := &rig{anew(r.Store), t, r.dir}
	if done, err := later.put("x", "one", terms); err != nil || !done.Repeated || done.Path != "x" {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := later.put("y", "one", terms); err != nil {
		t.Fatal(err)
	}
	again := &rig{anew(r.Store), t, r.dir}
	if done, err := again.put("y", "one", Terms{ID: id, Conflict: Fail}); err != nil || !done.Repeated {
		t.Errorf("%+v, %v", done, err)
	}
}

// Notes have a bound as well, until the old ones are forgotten.
func TestNotesBound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := anew(New(r.Store.dir, false))
	remove := func(want int) {
		t.Helper()
		publishAs(t, s, "x", "c"+rand.Text(), Fail)
		if err := s.Remove("x", nil); err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(filepath.Join(r.dir, stateDirectory)); len(left) != want {
			t.Errorf("there are %d notes, not %d", len(left), want)
		}
	}
	s.told.notes.Store(toldMost - 1)
	remove(1)
	remove(1)
	s.Forget(time.Now().Add(-time.Hour)) // looks how many there are
	remove(2)
}
