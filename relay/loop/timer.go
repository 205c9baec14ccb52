package loop

import "math"

// Timer is one deadline, kept inside whatever it belongs to. The zero value is not
// set. One timer for each session is enough: an owner sets it to the earliest of its
// deadlines and, when a deadline moves later, leaves it alone: it fires, the owner
// finds that there is time left and sets it again.
type Timer struct {
	owner Expirer
	at    int64
	pos   int32 // place in the heap plus one; 0 = not set
}

// Expirer is told that the time of its timer has come. The timer is then not set.
type Expirer interface {
	Expire(now int64)
}

// Never is a deadline that does not come.
const Never = math.MaxInt64

// SetTimer makes t fire at a time in nanoseconds of Clock; Never stops it.
func (l *Loop) SetTimer(t *Timer, owner Expirer, at int64) {
	switch {
	case at == Never:
		l.StopTimer(t)
	case t.pos == 0:
		t.owner, t.at = owner, at
		l.timers.push(t)
	case t.at != at:
		t.at = at
		l.timers.fix(t)
	}
}

// StopTimer makes sure that t does not fire.
func (l *Loop) StopTimer(t *Timer) {
	if t.pos != 0 {
		l.timers.remove(t)
	}
}

// Due is when the timer fires, or Never.
func (t *Timer) Due() int64 {
	if t.pos == 0 {
		return Never
	}
	return t.at
}

func (l *Loop) expire() {
	for {
		at, ok := l.timers.next()
		if !ok || at > l.now {
			return
		}
		t := l.timers.list[0]
		l.timers.remove(t)
		l.watch.round.Timers++
		t.owner.Expire(l.now)
	}
}

// heap is a binary heap that knows where each timer stands, so that a session that
// ends takes its timer with it: 10 000 short sessions a second with an idle timeout of
// ten minutes would otherwise leave six million behind.
type heap struct{ list []*Timer }

func (h *heap) next() (int64, bool) {
	if len(h.list) == 0 {
		return 0, false
	}
	return h.list[0].at, true
}

func (h *heap) push(t *Timer) {
	h.list = append(h.list, t)
	t.pos = int32(len(h.list))
	h.up(len(h.list) - 1)
}

func (h *heap) remove(t *Timer) {
	i, last := int(t.pos)-1, len(h.list)-1
	h.swap(i, last)
	h.list[last] = nil
	h.list = h.list[:last]
	t.pos = 0
	if i < last {
		h.fix(h.list[i])
	}
}

func (h *heap) fix(t *Timer) {
	i := int(t.pos) - 1
	if !h.down(i) {
		h.up(i)
	}
}

func (h *heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.list[parent].at <= h.list[i].at {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// down reports whether the timer at i moved.
func (h *heap) down(i int) bool {
	from := i
	for {
		child := 2*i + 1
		if child >= len(h.list) {
			break
		}
		if right := child + 1; right < len(h.list) && h.list[right].at < h.list[child].at {
			child = right
		}
		if h.list[i].at <= h.list[child].at {
			break
		}
		h.swap(i, child)
		i = child
	}
	return i != from
}

func (h *heap) swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].pos, h.list[j].pos = int32(i+1), int32(j+1)
}
