package upstream

// inList takes the first backend of the list that is ready, so that the others are
// touched only when it is full or down. What it is for: few servers busy, the rest off.
type inList struct{ heap }

func newFirst() *inList {
	return &inList{heap{before: func(a, b *Backend) bool { return a.place < b.place }}}
}

func (f *inList) add(b *Backend)        { f.push(b) }
func (f *inList) loaded(*Backend)       {}
func (f *inList) weighed(*Backend, int) {}
func (f *inList) take(uint64) *Backend  { return f.first() }
