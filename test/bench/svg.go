package main

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// canvas writes SVG elements. Coordinates are rounded to a tenth, which keeps the
// file small and the same from run to run.
type canvas struct{ strings.Builder }

const svgStyle = `text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1f2328}` +
	`.head{font-size:20px;font-weight:600}.title{font-size:13.5px;font-weight:600}` +
	`.note{font-size:11px;fill:#59636e}.tick{font-size:10px;fill:#59636e}.value{font-size:9.5px}` +
	`.grid{stroke:#e4e7eb}.axis{stroke:#8c959f}.whisker{stroke:#1f2328;stroke-opacity:.55}`

func (c *canvas) open(width, height float64, title string) {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(c, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(title), svgStyle)
	fmt.Fprintf(c, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
}

func (c *canvas) close() { c.WriteString("</svg>\n") }

// text places words; anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, words string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(words))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// box is a filled rectangle; a tip shows while the pointer rests on it.
func (c *canvas) box(x, y, width, height float64, fill, tip string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s">`, x, y, width, height, fill)
	if tip != "" {
		fmt.Fprintf(c, "<title>%s</title>", html.EscapeString(tip))
	}
	c.WriteString("</rect>\n")
}

// scale is a vertical axis from zero: its end and the distance of its lines.
type scale struct{ end, step float64 }

// niceScale ends at a round number not far above the highest value, with four to
// eight lines on the way.
func niceScale(highest float64) scale {
	if highest <= 0 {
		return scale{1, 1}
	}
	unit := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, step := range []float64{0.2, 0.5, 1, 2} {
		if lines := math.Ceil(highest / (unit * step)); lines <= 6 {
			return scale{lines * unit * step, unit * step}
		}
	}
	panic("a number is less than ten times its power of ten")
}

// tick writes the number beside a line of a scale, which is round by itself.
func tick(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v/1000, 'g', 3, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// compact writes a number in at most four characters, where that can be.
func compact(v float64) string {
	switch {
	case v >= 9_950:
		return fmt.Sprintf("%.0fk", v/1000)
	case v >= 1_000:
		return fmt.Sprintf("%.1fk", v/1000)
	case v >= 9.95 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
