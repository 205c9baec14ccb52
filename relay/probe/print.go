package probe

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Layout is how findings are printed for people.
type Layout struct {
	Colour bool
	Width  int // columns; 0 = do not break lines
}

var colours = map[Level]string{OK: "32", Note: "36", Warning: "33", Problem: "31;1"}

// Print writes the findings in groups, the values in one column; what is not fine is
// followed by why it matters and what mends it.
func (f Findings) Print(out io.Writer, l Layout) {
	names := 0
	for _, x := range f {
		names = max(names, utf8.RuneCountInString(x.Check))
	}
	group := ""
	for _, x := range f {
		if x.Group != group {
			group = x.Group
			fmt.Fprintf(out, "\n%s\n", l.paint("1", group))
		}
		indent := 2 + 7 + 2 + names + 2
		level := l.paint(colours[x.Level], fmt.Sprintf("%-7s", x.Level))
		fmt.Fprintf(out, "  %s  %-*s  %s\n", level, names, x.Check, l.wrap(x.Value, indent))
		if x.Level == OK {
			continue
		}
		pad := strings.Repeat(" ", indent)
		fmt.Fprintf(out, "%s%s\n", pad, l.wrap("why:  "+x.Why, indent+6))
		if x.Mend != "" {
			fmt.Fprintf(out, "%s%s\n", pad, l.wrap("mend: "+x.Mend, indent+6))
		}
	}
	fmt.Fprintf(out, "\nok: %d, notes: %d, warnings: %d, problems: %d\n", f.Count(OK), f.Count(Note), f.Count(Warning), f.Count(Problem))
}

func (l Layout) paint(code, words string) string {
	if !l.Colour {
		return words
	}
	return "\x1b[" + code + "m" + words + "\x1b[0m"
}

// wrap breaks words into lines that begin at a column and end before the width.
func (l Layout) wrap(text string, indent int) string {
	room := l.Width - indent
	if l.Width == 0 || room < 24 {
		return text
	}
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > room:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		default:
			b.WriteString(" ")
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
