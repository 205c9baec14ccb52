package config

const nearestMost = 500

// nearest is the candidate most like the word, or "" where none is like it: a
// third of the letters may differ. Among very many it does not look: a file with
// thousands of wrong names would take minutes.
func nearest(word string, candidates []string) string {
	best, distance := "", len(word)/3+2
	if len(candidates) > nearestMost {
		return ""
	}
	for _, c := range candidates {
		if d := edits(word, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes: how many must be put in, taken out
// or changed to turn a into b. Only the row above the current one is kept.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
