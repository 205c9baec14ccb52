package upstream

// heap is a binary heap of backends that knows where each one stands (Backend.pos), so
// that a change to one of them costs the logarithm of their number. before says which of
// two comes first; it must be a strict order.
type heap struct {
	list   []*Backend
	before func(a, b *Backend) bool
}

// first is the backend that comes before all others, or nil.
func (h *heap) first() *Backend {
	if len(h.list) == 0 {
		return nil
	}
	return h.list[0]
}

func (h *heap) push(b *Backend) {
	b.pos = len(h.list)
	h.list = append(h.list, b)
	h.up(b.pos)
}

func (h *heap) remove(b *Backend) {
	i, last := b.pos, len(h.list)-1
	h.swap(i, last)
	h.list[last] = nil
	h.list = h.list[:last]
	if i < last {
		h.fix(h.list[i])
	}
}

// fix moves b to its place after what orders it has changed.
func (h *heap) fix(b *Backend) {
	if at := b.pos; !h.down(at) {
		h.up(at)
	}
}

func (h *heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(h.list[i], h.list[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// down reports whether the backend at i moved.
func (h *heap) down(i int) bool {
	from := i
	for {
		child := 2*i + 1
		if child >= len(h.list) {
			break
		}
		if right := child + 1; right < len(h.list) && h.before(h.list[right], h.list[child]) {
			child = right
		}
		if !h.before(h.list[child], h.list[i]) {
			break
		}
		h.swap(i, child)
		i = child
	}
	return i != from
}

func (h *heap) swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].pos, h.list[j].pos = i, j
}
