package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// expirer is an Expirer made of a function.
type expirer func(now int64)

func (e expirer) Expire(now int64) { e(now) }

// Random timers are set, moved and stopped, and time goes on in random steps; each step
// must fire just what a plain list says, in order of time.
func TestTimersAgainstAModel(t *testing.T) {
	for seed := range uint64(20) {
		m := model{l: &Loop{now: 1}, due: map[int]int64{}, timers: make([]Timer, 40)}
		random := rand.New(rand.NewPCG(seed, 1))
		for range 2000 {
			m.change(random)
			m.check(t)
		}
	}
}

// model knows what the timers of a loop should do. A timer is named by its index.
type model struct {
	l      *Loop
	timers []Timer
	due    map[int]int64
	fired  []int64
}

func (m *model) change(random *rand.Rand) {
	i := random.IntN(len(m.timers))
	at := m.l.now + random.Int64N(100)
	switch random.IntN(5) {
	case 0, 1:
		m.set(i, at)
	case 2:
		m.set(i, Never)
	case 3:
		m.l.StopTimer(&m.timers[i])
		delete(m.due, i)
	case 4:
		m.l.now += random.Int64N(20)
	}
}

func (m *model) set(i int, at int64) {
	m.l.SetTimer(&m.timers[i], expirer(func(now int64) {
		m.fired = append(m.fired, m.due[i])
		if m.due[i] > now || m.timers[i].Due() != Never {
			m.fired = append(m.fired, -1) // too early, or still set
		}
		delete(m.due, i)
	}), at)
	if at == Never {
		delete(m.due, i)
	} else {
		m.due[i] = at
	}
}

// check fires what is due and compares everything.
func (m *model) check(t *testing.T) {
	t.Helper()
	var want []int64
	for _, at := range m.due {
		if at <= m.l.now {
			want = append(want, at)
		}
	}
	slices.Sort(want)
	m.fired = nil
	m.l.expire()
	if !slices.Equal(m.fired, want) {
		t.Fatalf("at %d fired %v, want %v", m.l.now, m.fired, want)
	}
	for i := range m.timers {
		if at, set := m.due[i]; set && m.timers[i].Due() != at || !set && m.timers[i].Due() != Never {
			t.Fatalf("timer %d is due at %d, want %d", i, m.timers[i].Due(), at)
		}
	}
	if len(m.l.timers.list) != len(m.due) {
		t.Fatalf("%d timers in the heap, %d are set", len(m.l.timers.list), len(m.due))
	}
}

// A deadline that moves with every byte leaves its timer alone; the timer finds out when
// it fires.
func TestLazyTimer(t *testing.T) {
	l := &Loop{now: 1}
	var timer Timer
	deadline, fired, ended := int64(10), 0, int64(0)
	var e expirer
	e = func(now int64) {
		if fired++; deadline > now {
			l.SetTimer(&timer, e, deadline)
			return
		}
		ended = now
	}
	l.SetTimer(&timer, e, deadline)
	for l.now = 1; l.now < 100; l.now++ {
		if l.now <= 50 {
			deadline = l.now + 10
		}
		l.expire()
	}
	if ended != 60 || fired > 8 {
		t.Errorf("ended at %d after firing %d times, want at 60 and few", ended, fired)
	}
}

// A timer may be set, moved and stopped from the expiry of another.
func TestTimersChangeEachOther(t *testing.T) {
	l := &Loop{now: 1}
	var timers [3]Timer
	var fired []string
	note := func(name string) expirer { return func(int64) { fired = append(fired, name) } }
	l.SetTimer(&timers[0], expirer(func(int64) {
		fired = append(fired, "first")
		l.StopTimer(&timers[1])
		l.SetTimer(&timers[2], note("wrong owner"), 5) // it is set: only its time changes
	}), 2)
	l.SetTimer(&timers[1], note("stopped"), 3)
	l.SetTimer(&timers[2], note("moved"), 90)
	l.now = 10
	l.expire()
	if !slices.Equal(fired, []string{"first", "moved"}) {
		t.Errorf("fired %v, want first and moved", fired)
	}
}

// The loop sleeps until the timer is due: it fires neither early nor a tick late, and
// the loop does not turn idly for it.
func TestLoopWaitsForTheTimer(t *testing.T) {
	const wait = 30 * time.Millisecond
	l := newLoop(t)
	begin := Clock()
	var timer Timer
	l.SetTimer(&timer, expirer(func(now int64) {
		if took := time.Duration(now - begin); took < wait || took > 20*wait {
			t.Errorf("fired after %v, want %v", took, wait)
		}
		l.Stop()
	}), begin+int64(wait))
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if turns := l.Turns(); turns > 5 {
		t.Errorf("%d rounds for one timer", turns)
	}
}

func TestTimeout(t *testing.T) {
	l := &Loop{}
	var timer Timer
	set := func(at int64) int {
		l.SetTimer(&timer, expirer(nil), at)
		return l.timeout()
	}
	if got := l.timeout(); got != -1 {
		t.Errorf("without a timer the loop waits %d ms, want for ever", got)
	}
	if got := set(Clock() - 1); got != 0 {
		t.Errorf("past its time the loop waits %d ms", got)
	}
	if got := set(Clock() + int64(time.Minute)); got != 60_000 {
		t.Errorf("a minute ahead the loop waits %d ms", got)
	}
	if got := set(Never - 1); got != 1<<30 {
		t.Errorf("at the end of time the loop waits %d ms, want a bounded wait", got)
	}
	if set(Never); timer.Due() != Never || l.timeout() != -1 {
		t.Error("a timer that was set to Never is still set")
	}
	l.Again(1)
	if got := l.timeout(); got != 0 {
		t.Errorf("with a turn to give the loop waits %d ms", got)
	}
}
