package probe

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
)

// Level is how much a finding matters.
type Level string

// The levels. Only a Problem keeps relay from doing what the configuration asks for.
const (
	OK      Level = "ok"
	Note    Level = "note"    // nothing is wrong; worth knowing
	Warning Level = "warning" // it works, at a cost or up to a point
	Problem Level = "problem"
)

// Finding is what one check found.
type Finding struct {
	Group string `json:"group"`
	Check string `json:"check"`
	Level Level  `json:"level"`
	Value string `json:"value"`
	Why   string `json:"why"`            // why it matters
	Mend  string `json:"mend,omitempty"` // the command or the setting; may be empty when ok
}

// Findings are those of one examination, in the order of the checks.
type Findings []Finding

// Count is how many findings have a level.
func (f Findings) Count(l Level) (n int) {
	for i := range f {
		if f[i].Level == l {
			n++
		}
	}
	return n
}

// Log writes one line: how many checks were fine, and the names and values of those
// that warn or are problems. It is a warning if there is a problem.
func (f Findings) Log(log zerolog.Logger) {
	line := log.Info()
	if f.Count(Problem) > 0 {
		line = log.Warn()
	}
	var names []string
	for _, x := range f {
		if x.Level == Warning || x.Level == Problem {
			names = append(names, fmt.Sprintf("%s: %s", x.Check, x.Value))
		}
	}
	if len(names) > 0 {
		line.Strs("found", names)
	}
	line.Int("ok", f.Count(OK)).Int("notes", f.Count(Note)).Int("warnings", f.Count(Warning)).
		Int("problems", f.Count(Problem)).Msg("machine (relay doctor says more)")
}

// verdict builds a finding step by step: ok until something says otherwise.
type verdict struct{ Finding }

func check(name, why string, value string, args ...any) *verdict {
	return &verdict{Finding{Check: name, Level: OK, Why: why, Value: fmt.Sprintf(value, args...)}}
}

// when makes it a finding of this level if it is one, with what mends it. What is worse
// already stays.
func (v *verdict) when(is bool, l Level, mend string, args ...any) *verdict {
	if is && rank[l] > rank[v.Level] {
		v.Level, v.Mend = l, fmt.Sprintf(mend, args...)
	}
	return v
}

var rank = map[Level]int{OK: 0, Note: 1, Warning: 2, Problem: 3}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.bytes)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d B", n)
}
