package upstream

// least takes the backend with the fewest sessions for its weight. Of equals the one
// that was taken the longest ago comes first, so that idle backends take turns.
type least struct {
	heap
	taken uint64
}

func newLeast() *least {
	l := &least{}
	l.before = func(a, b *Backend) bool {
		x, y := (a.load+1)*b.share, (b.load+1)*a.share
		switch {
		case x != y:
			return x < y
		case a.taken != b.taken:
			return a.taken < b.taken
		}
		return a.place < b.place
	}
	return l
}

func (l *least) add(b *Backend)            { l.push(b) }
func (l *least) loaded(b *Backend)         { l.fix(b) }
func (l *least) weighed(b *Backend, _ int) { l.fix(b) }

func (l *least) take(uint64) *Backend {
	b := l.first()
	if b != nil {
		l.taken++
		b.taken = l.taken
		l.fix(b)
	}
	return b
}
