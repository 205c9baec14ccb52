package report

import (
	"fmt"
	"io"
	"strings"

	"relay/relay/bench"
)

// The page, in pixels: a row for each path, in it the names and three sets of bars.
const (
	margin    = 28.0
	nameWidth = 128.0
	barsWidth = 248.0
	barsGap   = 26.0
	valueRoom = 56.0 // right of the longest bar
	barStep   = 25.0
	barHeight = 17.0
	rowTop    = 52.0
	rowGap    = 26.0
	headRoom  = 66.0
	pageWidth = 2*margin + nameWidth + 3*barsWidth + 2*barsGap
)

// measure is one of the three things that a chart shows.
type measure struct {
	title string
	unit  string
	of    func(*Row) Spread
}

var measures = []measure{
	{"Time", "ms", func(r *Row) Spread { return r.Wall }},
	{"CPU", "ms per GB", func(r *Row) Spread { return r.CPU }},
	{"System calls", "per GB", func(r *Row) Spread { return r.Calls }},
}

// SVG draws the largest size of each path: time, CPU and system calls by method.
func (d *Document) SVG(out io.Writer) error {
	type row struct {
		path bench.Path
		rows []*Row
	}
	var all []row
	height := headRoom + margin
	for _, p := range []bench.Path{bench.FileToSocket, bench.SocketToSocket, bench.SocketToFile} {
		if rows := d.charted(p); len(rows) > 0 {
			all = append(all, row{p, rows})
			height += rowTop + barStep*float64(len(rows)) + rowGap
		}
	}
	c := new(canvas)
	c.open(pageWidth, height, "What it costs to move a byte")
	d.drawHead(c)
	y := headRoom + margin
	for _, r := range all {
		d.drawPath(c, y, r.path, r.rows)
		y += rowTop + barStep*float64(len(r.rows)) + rowGap
	}
	c.close()
	_, err := io.WriteString(out, c.String())
	return err
}

// charted are the methods of a path at its largest size.
func (d *Document) charted(p bench.Path) (rows []*Row) {
	bytes := d.largest(p)
	for _, m := range bench.Methods {
		if m.Path == p {
			if r := d.atBase(m.Key, bytes); r != nil {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func (d *Document) drawHead(c *canvas) {
	c.text(margin, margin+12, "head", "start", "What it costs to move a byte")
	m := d.Machine
	c.text(margin, margin+32, "note", "start", fmt.Sprintf("%s, %s, Linux %s, %s", plural(m.CPUs, "CPU"), m.CPU, d.Kernel.Kernel, d.Date.Format("2 January 2006")))
	c.text(margin, margin+48, "note", "start", fmt.Sprintf(
		"Shorter is better. Grey is a plain loop of read and write, the rest relay's own paths. Medians of %s, lines from lowest to highest. Chunks of %s, %s.",
		plural(d.Rounds, "round"), byteSize(int64(d.Base.Chunk)), plural(d.Base.Streams, "stream"),
	))
}

func (d *Document) drawPath(c *canvas, y float64, p bench.Path, rows []*Row) {
	words := strings.ToUpper(string(p)[:1]) + string(p)[1:]
	c.text(margin, y+16, "title", "start", fmt.Sprintf("%s, %s", words, byteSize(rows[0].Bytes)))
	for i, r := range rows {
		c.text(margin+nameWidth-10, y+rowTop+barStep*float64(i)+barHeight-4, "", "end", r.Label)
	}
	for i, m := range measures {
		x := margin + nameWidth + float64(i)*(barsWidth+barsGap)
		c.text(x, y+40, "note", "start", m.title+", "+m.unit)
		drawBars(c, x, y+rowTop, m, rows)
	}
}

func drawBars(c *canvas, x, y float64, m measure, rows []*Row) {
	highest := 0.0
	for _, r := range rows {
		highest = max(highest, m.of(r).High)
	}
	if highest == 0 {
		highest = 1
	}
	along := func(v float64) float64 { return (barsWidth - valueRoom) * v / highest }
	for i, r := range rows {
		s, top := m.of(r), y+barStep*float64(i)
		c.bar(x, top, max(along(s.Median), 1), barHeight, shade(r), fmt.Sprintf("%s: %s %s", r.Label, s, m.unit))
		if s.High > s.Low {
			c.line(x+along(s.Low), top+barHeight/2, x+along(s.High), top+barHeight/2, "spread")
		}
		c.text(x+along(max(s.High, s.Median))+6, top+barHeight-4, "", "start", grouped(s.Median))
	}
	c.line(x, y-4, x, y+barStep*float64(len(rows))-4, "axis")
}

// shade is the class of a row's bars: the more is copied, the paler.
func shade(r *Row) string {
	if baseline(*r) {
		return "base"
	}
	return r.Label
}

// grouped writes a number as figure does, with its thousands apart.
func grouped(v float64) string {
	s := figure(v)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}
