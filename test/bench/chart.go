package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// panel is one small chart: a metric in some cases of a group, a bar for each peer.
type panel struct {
	title  string
	metric metric
	cases  []workload
}

// plot is a panel with its numbers.
type plot struct {
	panel
	peers []player
	bars  map[barKey]spread
}

type barKey struct{ work, peer string }

// The page, in pixels.
const (
	pageWidth   = 1040.0
	pageMargin  = 28.0
	columnGap   = 32.0
	panelWidth  = (pageWidth - 2*pageMargin - columnGap) / 2
	panelHeight = 232.0
	plotTop     = 36.0 // below the panel's title
	plotLeft    = 38.0 // right of the axis labels
	plotBottom  = 34.0 // above the labels of the cases
	legendLine  = 20.0
)

func allPanels(fileBytes int64) []panel {
	byName := make(map[string][]workload)
	for _, g := range groups {
		byName[g.name] = g.cases(fileBytes)
	}
	http := byName["http"]
	return []panel{
		{"Bulk to the client: CPU per GB", cpuPerGB, byName["bulk"]},
		{"Bulk to the client: rate", gigabytesRate, byName["bulk"]},
		{"Bulk to the backend: CPU per GB", cpuPerGB, byName["upload"]},
		{"Bulk to the backend: rate", gigabytesRate, byName["upload"]},
		{"100 bytes there and back: CPU", cpuPerRequest, byName["rr"]},
		{"100 bytes there and back: rate", requestRate, byName["rr"]},
		{"HTTP responses, small: CPU", cpuPerRequest, http[:3]},
		{"HTTP responses, large: CPU", cpuPerRequest, http[3:]},
		{"Short connections: rate", shortRate, byName["short"]},
		{"Idle sessions: user memory", sessionMemory, byName["idle"]},
		{"A file from the page cache: CPU per GB", cpuPerGB, byName["file"]},
		{"A file from the page cache: rate", gigabytesRate, byName["file"]},
	}
}

// drawChart draws everything that was measured on one page.
func drawChart(r *record) string {
	var plots []plot
	for _, p := range allPanels(r.FileBytes) {
		if filled := fill(r, p); len(filled.peers) > 0 {
			plots = append(plots, filled)
		}
	}
	legends := legendRows(r, plots)
	top := pageMargin + 64 + legendLine*float64(len(legends))
	height := top + math.Ceil(float64(len(plots))/2)*panelHeight + pageMargin

	c := new(canvas)
	c.open(pageWidth, height, "relay beside other proxies")
	drawHead(c, r)
	for i, peers := range legends {
		drawLegend(c, pageMargin, pageMargin+68+legendLine*float64(i), peers)
	}
	for i, p := range plots {
		x := pageMargin + float64(i%2)*(panelWidth+columnGap)
		drawPlot(c, x, top+float64(i/2)*panelHeight, p)
	}
	c.close()
	return c.String()
}

// fill collects a panel's numbers and the peers and cases that have any.
func fill(r *record, p panel) plot {
	out := plot{panel: p, bars: make(map[barKey]spread)}
	out.cases = nil
	for _, w := range p.cases {
		for _, peer := range r.Peers {
			s := spreadOf(r.samples(w.name, peer.Name, p.metric))
			if s.rounds == 0 {
				continue
			}
			out.bars[barKey{w.name, peer.Name}] = s
			if !slices.Contains(out.peers, peer) {
				out.peers = append(out.peers, peer)
			}
			if len(out.cases) == 0 || out.cases[len(out.cases)-1].name != w.name {
				out.cases = append(out.cases, w)
			}
		}
	}
	return out
}

// legendRows is the proxies, and in a row of their own the file servers that are not
// among them.
func legendRows(r *record, plots []plot) (rows [][]player) {
	var proxies, servers []player
	for _, peer := range r.Peers {
		drawn := func(p plot) bool { return slices.Contains(p.peers, peer) }
		switch {
		case !slices.ContainsFunc(plots, drawn):
		case strings.Contains(peer.Name, ":"):
			servers = append(servers, peer)
		default:
			proxies = append(proxies, peer)
		}
	}
	for _, row := range [][]player{proxies, servers} {
		if len(row) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

func drawHead(c *canvas, r *record) {
	c.text(pageMargin, pageMargin+10, "head", "start", "relay beside other proxies")
	m := r.Machine
	c.text(pageMargin, pageMargin+30, "note", "start", fmt.Sprintf("%s, %s, Linux %s, %s", plural(m.CPUs, "CPU"), m.CPU, m.Kernel, r.Date.Format("2 January 2006")))
	c.text(pageMargin, pageMargin+46, "note", "start", fmt.Sprintf("One loop, thread or worker each. Bars are medians of %s of %v; lines reach from the lowest to the highest.", plural(r.Rounds, "round"), r.Window))
}

func drawLegend(c *canvas, x, y float64, peers []player) {
	for _, p := range peers {
		c.box(x, y-9, 10, 10, colour(p), "")
		label := p.Name
		if p.Name == noProxy {
			label = "no proxy"
		}
		c.text(x+15, y, "note", "start", label)
		x += 15 + 6.3*float64(len(label)) + 16
	}
}

func drawPlot(c *canvas, x, y float64, p plot) {
	direction := "lower is better"
	if p.metric.higher {
		direction = "higher is better"
	}
	c.text(x, y+14, "title", "start", p.title)
	c.text(x+panelWidth, y+14, "note", "end", p.metric.unit+" · "+direction)

	var highest float64
	for _, s := range p.bars {
		highest = max(highest, s.high)
	}
	axis := niceScale(highest)
	left, right := x+plotLeft, x+panelWidth
	top, bottom := y+plotTop, y+panelHeight-plotBottom
	level := func(v float64) float64 { return bottom - (bottom-top)*v/axis.end }
	for i := 0; float64(i)*axis.step <= axis.end*1.001; i++ {
		v := float64(i) * axis.step
		c.line(left, level(v), right, level(v), "grid")
		c.text(left-6, level(v)+3.5, "tick", "end", tick(v))
	}
	width := (right - left) / float64(len(p.cases))
	for i, w := range p.cases {
		at := left + width*float64(i)
		drawCase(c, at, width, w, p, level)
		c.text(at+width/2, bottom+15, "tick", "middle", w.label)
	}
	c.line(left, bottom, right, bottom, "axis")
}

// drawCase draws the bars of one case, each with its spread and its number.
func drawCase(c *canvas, x, width float64, w workload, p plot, level func(float64) float64) {
	slot := min(width*0.88/float64(len(p.peers)), 44)
	at := x + (width-slot*float64(len(p.peers)))/2
	for _, peer := range p.peers {
		if s, found := p.bars[barKey{w.name, peer.Name}]; found {
			tip := fmt.Sprintf("%s, %s: %s %s", peer.Name, w.label, s.text(), p.metric.unit)
			top := min(level(s.mid), level(0)-0.5)
			c.box(at+slot*0.08, top, slot*0.84, level(0)-top, colour(peer), tip)
			if s.rounds > 1 {
				c.line(at+slot/2, level(s.low), at+slot/2, level(s.high), "whisker")
			}
			c.text(at+slot/2, level(max(s.high, s.mid))-4, "value", "middle", compact(s.mid))
		}
		at += slot
	}
}

// colours tell programs apart by hue and their modes by lightness.
var colours = map[string]string{
	noProxy:           "#a8b0b9",
	"haproxy-splice":  "#d4761f",
	"haproxy-auto":    "#e8a35c",
	"haproxy-copy":    "#f3cfa3",
	"haproxy-copy64k": "#f8e3c9",
	"nginx":           "#3f9158",
	"nginx-256k":      "#8cc49c",
	":sendfile":       "#4d8be0",
	":mmap":           "#8bb4ee",
	":copy":           "#c0d7f7",
}

func colour(p player) string {
	if known, found := colours[p.Name]; found {
		return known
	}
	label, transfer, served := strings.Cut(p.Name, ":")
	if shade, found := colours[":"+transfer]; served && found {
		return shade
	}
	if label == "relay" {
		return "#1b5fc1"
	}
	// Another build of relay: its name picks the hue, so that it keeps it from run to run.
	var sum int
	for _, letter := range label {
		sum = sum*31 + int(letter)
	}
	return fmt.Sprintf("hsl(%d 55%% 50%%)", 180+(sum%140+140)%140)
}
