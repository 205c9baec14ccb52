package report

import (
	"fmt"
	"math"
	"strings"

	"relay/relay/bench"
)

// near is how much more CPU still counts as the same: a smaller chunk, or the default
// method, is preferred within it.
const near = 1.1

// advise puts what was found into sentences, and what follows from it into lines.
func (d *Document) advise() {
	var engine, drop []string
	d.compare(bench.FileToSocket, "From a file to a socket", "send/mmap", "send/sendfile", "send/splice")
	d.compare(bench.SocketToSocket, "From a socket to a socket", "relay/splice")
	d.compare(bench.SocketToFile, "From a socket to a file", "receive/splice")
	if way := d.bestTransfer(); way != "" {
		drop = append(drop, fmt.Sprintf("transfer = %q", way))
	}
	method := "relay/splice"
	if d.atBase(method, d.Base.Bytes) == nil {
		method = "send/splice"
	}
	if best, worst := d.bestChunk(method); best != nil {
		d.say("The best chunk for %s is %s: %s of CPU per GB, against %s with %s.", method, byteSize(int64(best.Chunk)),
			ms(best.CPU.Median), ms(worst.CPU.Median), byteSize(int64(worst.Chunk)))
		engine = append(engine, fmt.Sprintf("splice_chunk = %q", noSpace(best.Chunk)),
			fmt.Sprintf("pipe_size = %q", noSpace(max(best.Chunk, 64<<10))))
	}
	if d.Kernel.FilePages != "by reference" {
		d.say("This kernel does not pass the pages of a file by reference, so sending files without a copy cannot pay here; `relay doctor` says more.")
	}
	d.Lines = tables([2][]string{engine, drop})
}

func tables(lines [2][]string) string {
	var b strings.Builder
	for i, header := range []string{"[engine]", "[[drop]]"} {
		if len(lines[i]) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(header + "\n")
		if i == 1 {
			b.WriteString("# … name, listen and directory as they are\n")
		}
		b.WriteString(strings.Join(lines[i], "\n") + "\n")
	}
	return b.String()
}

func (d *Document) say(format string, args ...any) {
	d.Says = append(d.Says, fmt.Sprintf(format, args...))
}

// compare says what each method saves on the largest size of a path.
func (d *Document) compare(p bench.Path, lead string, methods ...string) {
	bytes := d.largest(p)
	base := d.atBase(bench.Baseline(p), bytes)
	if base == nil {
		return
	}
	for _, method := range methods {
		r := d.atBase(method, bytes)
		if r == nil || r.CPURatio == nil {
			continue
		}
		saved := base.CPU.Median - r.CPU.Median
		verdict := fmt.Sprintf("saving %s of CPU on every GB", ms(saved))
		if saved <= 0 {
			verdict = "saving nothing"
		}
		d.say("%s, %s: %s takes %s of the time and %s of the CPU of read+write with 64 KiB (%s per GB against %s), %s.",
			lead, byteSize(bytes), r.Label, percent(r.WallRatio.Median), percent(r.CPURatio.Median),
			ms(r.CPU.Median), ms(base.CPU.Median), verdict)
	}
}

// bestTransfer is the drop's way that costs least, splice if it is as good.
func (d *Document) bestTransfer() string {
	bytes := d.largest(bench.FileToSocket)
	best, least := "", math.Inf(1)
	for _, way := range []string{"splice", "sendfile", "mmap", "copy"} {
		r := d.atBase("send/"+way, bytes)
		if r == nil {
			return "" // no choice without all of them
		}
		if r.CPU.Median*near < least {
			best, least = way, r.CPU.Median
		}
	}
	return best
}

// bestChunk is the smallest chunk of a method that is as good as any, and the worst.
func (d *Document) bestChunk(method string) (best, worst *Row) {
	least := math.Inf(1)
	var all []*Row
	for i := range d.Rows {
		r := &d.Rows[i]
		if r.Method != method || r.Bytes != d.Base.Bytes || r.Streams != d.Base.Streams || r.Chunk > d.pipeMost() {
			continue
		}
		all = append(all, r)
		least = min(least, r.CPU.Median)
		if worst == nil || r.CPU.Median > worst.CPU.Median {
			worst = r
		}
	}
	if len(all) < 2 {
		return nil, nil
	}
	for _, r := range all {
		if r.CPU.Median <= least*near && (best == nil || r.Chunk < best.Chunk) {
			best = r
		}
	}
	return best, worst
}

// pipeMost is the largest pipe that this process was granted: a larger chunk goes
// through it in parts, and says nothing of its own.
func (d *Document) pipeMost() int {
	if d.Kernel.Privileged || d.Kernel.PipeMax == 0 {
		return math.MaxInt
	}
	return d.Kernel.PipeMax
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", v*100) }
func ms(v float64) string      { return figure(v) + " ms" }

// noSpace is a size as the configuration spells it.
func noSpace(bytes int) string { return strings.ReplaceAll(byteSize(int64(bytes)), " ", "") }
