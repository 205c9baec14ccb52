package upstream

// schedule is the order in which weighted round robin takes backends: each as often as
// its weight says, its turns spread as evenly as can be. It is computed once, so that a
// pick is one step whatever the number of backends.
type schedule []uint32

// smooth builds the schedule by nginx's smooth weighted round robin: in every turn each
// backend gains its weight, the richest is taken and pays the sum of all weights. For
// weights 5, 1, 1 that is a a b a c a a, where a naive one says a a a a a b c.
//
// Weights are divided by their greatest common divisor first. The length is then their
// sum, at most 256 times the number of backends.
func smooth(weights []int) schedule {
	divisor, total := 0, 0
	for _, w := range weights {
		divisor = gcd(divisor, w)
	}
	if divisor == 0 {
		return nil
	}
	credit := make([]int, len(weights))
	for _, w := range weights {
		total += w / divisor
	}
	turns := make(schedule, total)
	for t := range turns {
		best := -1
		for i, w := range weights {
			credit[i] += w / divisor
			if w > 0 && (best < 0 || credit[i] > credit[best]) {
				best = i
			}
		}
		credit[best] -= total
		turns[t] = uint32(best)
	}
	return turns
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
