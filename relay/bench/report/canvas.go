package report

import (
	"fmt"
	"html"
	"strings"
)

// canvas writes SVG. Colours and fonts are in one style sheet; the paper is white, so
// that the picture reads the same on whatever page it is put.
type canvas struct{ strings.Builder }

const style = `text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1f2328;font-size:12px}` +
	`.head{font-size:19px;font-weight:600}.title{font-size:14px;font-weight:600}.note{font-size:11px;fill:#59636e}` +
	`.paper{fill:#fff}.axis{stroke:#8c959f}.spread{stroke:#1f2328;stroke-opacity:.6}` +
	`.base{fill:#9aa4ae}.copy{fill:#c9d1d9}.mmap{fill:#8ab4f0}.sendfile{fill:#3f83e0}.splice{fill:#1a4fa8}`

func (c *canvas) open(width, height float64, title string) {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(c, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(title), style)
	fmt.Fprintf(c, `<rect width="%.0f" height="%.0f" class="paper"/>`+"\n", width, height)
}

func (c *canvas) close() { c.WriteString("</svg>\n") }

// text places words; anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, words string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(words))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// bar is a rectangle; its tip shows while the pointer rests on it.
func (c *canvas) bar(x, y, width, height float64, class, tip string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s"><title>%s</title></rect>`+"\n",
		x, y, width, height, class, html.EscapeString(tip))
}
