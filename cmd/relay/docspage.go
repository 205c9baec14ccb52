//go:build docs

package main

import (
	"fmt"
	"strings"
)

// configPage makes relay.toml(5) of the file that shows every key: the comment before
// some keys becomes the text below them. The file is the reference; this only sets it.
func configPage(file, version string) string {
	p := page{}
	p.line(`.TH "RELAY.TOML" "5" "" "relay %s" "relay"`, version)
	p.line(`.SH NAME`)
	p.line(`relay.toml \- configuration of relay(1)`)
	p.line(`.SH DESCRIPTION`)
	for block := range strings.SplitSeq(file, "\n\n") {
		p.block(strings.Split(strings.Trim(block, "\n"), "\n"))
	}
	p.line(`.SH "SEE ALSO"`)
	p.line(`.BR relay (1),`)
	p.line(`.BR relay\-run (1),`)
	p.line(`.BR relay\-check (1)`)
	return p.String()
}

// page is a text in the language of man(7).
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// block sets lines that stand together: a comment, then tables and keys.
func (p *page) block(lines []string) {
	var comment, keys []string
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "# ──"):
			p.line(`.SH "%s"`, escape(strings.Trim(l, "# ─")))
		case strings.HasPrefix(l, "#"):
			if keys != nil { // a comment of its own, about what follows
				p.entry(keys, comment)
				comment, keys = nil, nil
			}
			comment = append(comment, strings.TrimPrefix(strings.TrimPrefix(l, "#"), " "))
		case strings.HasPrefix(l, "["):
			p.line(`.SS "%s"`, escape(l))
		case l != "":
			keys = append(keys, l)
		}
	}
	p.entry(keys, comment)
}

// entry sets keys and what is said of them.
func (p *page) entry(keys, comment []string) {
	for i, k := range keys {
		if i == 0 {
			p.line(`.TP`)
		} else {
			p.line(`.TQ`)
		}
		p.line(`.B %s`, escape(k))
	}
	if len(keys) == 0 && len(comment) > 0 {
		p.line(`.PP`)
	}
	p.text(comment)
}

// text fills lines, but for those that are indented: a list or a picture stays as it is.
func (p *page) text(lines []string) {
	asIs := false
	for i, l := range lines {
		indented := strings.HasPrefix(l, "  ") || strings.Contains(l, "   ")
		if indented != asIs {
			p.line(map[bool]string{true: ".nf", false: ".fi"}[indented])
			asIs = indented
		}
		if l == "" && i > 0 {
			p.line(`.IP ""`)
			continue
		}
		p.line(`%s`, escape(l))
	}
	if asIs {
		p.line(`.fi`)
	}
}

// escape keeps a line from being read as a command.
func escape(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\e`), `-`, `\-`)
	s = strings.ReplaceAll(s, `"`, `\(dq`)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
