package upstream

// hashed is source_hash: the client's hash names a slot of the Maglev table, and the
// slot a backend. The table is built over all backends of the tier that have a weight,
// up or not, so that every relay with the same list has the same one. From a backend
// that is not ready the walk goes on along the table, which leads each client the same
// way everywhere and the clients of one backend to all the others.
type hashed struct {
	tier   *tier
	factor int // percent; 0 = no bound on the load
	table  []uint16
	sorted []*Backend // what the table's numbers mean
	ready  int        // backends that are
	share  int        // the sum of their shares
}

// walkMost bounds the walk: with nearly all backends down it would be long.
const walkMost = 256

func (h *hashed) add(b *Backend) {
	h.ready++
	h.share += b.share
}

func (h *hashed) remove(b *Backend) {
	h.ready--
	h.share -= b.share
}

func (h *hashed) loaded(*Backend)                {}
func (h *hashed) weighed(b *Backend, before int) { h.share += b.share - before }

func (h *hashed) take(hash uint64) *Backend {
	if h.ready == 0 || len(h.table) == 0 {
		return nil
	}
	at := int(hash % tableSize)
	for range walkMost {
		if b := h.sorted[h.table[at]]; b.ready && h.fits(b) {
			return b
		}
		if at++; at == tableSize {
			at = 0
		}
	}
	return h.far(hash)
}

// far looks at every backend once: few are ready, or have so little weight that they
// stand in no slot.
func (h *hashed) far(hash uint64) *Backend {
	n := uint64(len(h.sorted))
	var over *Backend
	for i := range n {
		b := h.sorted[(hash+i)%n]
		if b.ready && h.fits(b) {
			return b
		}
		if b.ready && over == nil {
			over = b
		}
	}
	return over
}

// fits reports that one more session leaves the backend within its bound, which is
// hash_balance_factor percent of its share of all sessions (Mirrokni, Thorup and
// Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018). The bound depends
// on the load that this process sees: the agreement with others ends where it bites.
func (h *hashed) fits(b *Backend) bool {
	if h.factor == 0 {
		return true
	}
	all := (h.tier.load + 1) * h.factor * b.share
	whole := 100 * h.share
	return b.load+1 <= (all+whole-1)/whole
}
