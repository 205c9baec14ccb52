package upstream

// The Maglev table of source_hash: from the hash of a client to a backend (Eisenbud et
// al., "Maglev: a fast and reliable software network load balancer", NSDI 2016, section
// 3.4).
//
// Each backend has a permutation of the slots of its own, which follows from its address
// alone. They take turns in claiming the first free slot of theirs until none is left.
// Every backend then has its share within a percent or so, and when one comes or goes
// few slots of the others change hands. Weighted, a backend skips turns in the ratio of
// its weight to the greatest.

// tableSize is a prime, as the permutations need, and the one that the paper takes for
// its larger table of up to some hundred backends a hundred times over.
const tableSize = 65537

// claimant is a backend in the eyes of the table.
type claimant struct {
	name   string
	weight int
}

// maglev builds the table for backends sorted by name: the number of a backend for each
// slot; nil when none has a weight. It takes some milliseconds, so no lock should be
// held.
func maglev(all []claimant) []uint16 {
	heaviest := 0
	for _, c := range all {
		heaviest = max(heaviest, c.weight)
	}
	if heaviest == 0 {
		return nil
	}
	claims := make([]claim, len(all))
	for i, c := range all {
		claims[i] = newClaim(c.name)
	}
	table := make([]uint16, tableSize)
	taken := make([]bool, tableSize)
	for left := tableSize; ; {
		for i := range claims {
			if claims[i].credit += all[i].weight; claims[i].credit < heaviest {
				continue
			}
			claims[i].credit -= heaviest
			table[claims[i].next(taken)] = uint16(i)
			if left--; left == 0 {
				return table
			}
		}
	}
}

// claim is how far a backend has come in its permutation: offset, offset+skip, … modulo
// the size of the table.
type claim struct {
	at, skip int
	credit   int
}

func newClaim(name string) claim {
	h := hashText(name)
	return claim{at: int(h % tableSize), skip: int(mix(h)%(tableSize-1)) + 1}
}

// next claims the first slot of the permutation that is still free.
func (c *claim) next(taken []bool) int {
	for taken[c.at] {
		c.step()
	}
	slot := c.at
	taken[slot] = true
	c.step()
	return slot
}

func (c *claim) step() {
	if c.at += c.skip; c.at >= tableSize {
		c.at -= tableSize
	}
}
