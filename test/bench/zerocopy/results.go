package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// The part of the file between these lines is ours; the rest stays as it is.
const (
	beginMark = "<!-- zero copy: written by go run ./test/bench/zerocopy -results -->"
	endMark   = "<!-- zero copy: end -->"
)

// writeResults puts everything into the file, in place of what an earlier run put there.
func writeResults(o options, d *document, judged string) error {
	old, err := os.ReadFile(o.results)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(o.results, []byte(replacePart(string(old), part(o, d, judged))), 0o644)
}

// replacePart swaps the marked part of a text, or puts it at the end.
func replacePart(text, part string) string {
	part = beginMark + "\n" + part + endMark + "\n"
	before, rest, found := strings.Cut(text, beginMark)
	if !found {
		if text != "" {
			text = strings.TrimRight(text, "\n") + "\n\n"
		}
		return text + part
	}
	_, after, _ := strings.Cut(rest, endMark)
	return before + part + strings.TrimPrefix(after, "\n")
}

func part(o options, d *document, judged string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## What zero copy saves (`relay bench`)\n\n")
	fmt.Fprintf(&b, "relay %s, %s. %d CPUs, %s, %d MiB, Linux %s, a file on %s whose pages go out %s. GB are 10⁹ bytes; CPU is the exact\n",
		d.Version, d.Date.Format("2 January 2006"), d.Machine.CPUs, d.Machine.CPU, d.Machine.MemoryMiB, d.Kernel.Kernel, d.FS, d.Kernel.FilePages)
	fmt.Fprintf(&b, "run time of the process that moves the bytes. Medians (lowest–highest) of %d interleaved rounds. Made by\n\n", d.Rounds)
	fmt.Fprintf(&b, "    make build && go run ./test/bench/zerocopy -results %s\n\n![time, CPU and system calls by method](%s)\n\n", o.results, o.svg)
	for _, path := range []string{"file → socket", "socket → socket", "socket → file"} {
		d.largestTable(&b, path)
	}
	d.articleTable(&b)
	d.chunkTable(&b)
	fmt.Fprintf(&b, "### Targets\n\n%s\n", judged)
	return b.String()
}

// largestTable is every method at a path's largest size.
func (d *document) largestTable(b *strings.Builder, path string) {
	var most int64
	for _, r := range d.Results {
		if r.Path == path {
			most = max(most, r.Bytes)
		}
	}
	fmt.Fprintf(b, "### %s, %s\n\n| | elapsed ms | GB/s | CPU ms per GB | system calls per GB | page faults per GB | time × | CPU × |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
		path, sizeText(most))
	for _, r := range d.Results {
		if r.Path == path && r.Bytes == most && r.Streams == d.Base.Streams && (r.Chunk == d.Base.Chunk || isBaseline(r)) {
			fmt.Fprintf(b, "| %s | %s | %.1f | %s | %.0f | %.0f | %s | %s |\n", r.Label, r.Wall.text("%.0f"), r.Rate.Median, r.CPU.text("%.0f"),
				r.Calls.Median, r.Faults.Median, r.Elapsed.quotient(), r.Ratio.quotient())
		}
	}
	b.WriteString("\n")
}

func isBaseline(r result) bool { return strings.HasPrefix(r.Label, "read+write") }

func (d *document) articleTable(b *strings.Builder) {
	fmt.Fprintf(b, "### Beside the article, elapsed ms\n\n| | article: read+write | transferTo | × | here: read+write 64 KiB | sendfile | splice | sendfile × |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, a := range d.Article {
		if a.HereCopy != nil && a.HereSend != nil && a.HereSplice != nil {
			fmt.Fprintf(b, "| %s | %.0f | %.0f | %.2f | %.1f | %.1f | %.1f | %.2f |\n", sizeText(a.Bytes), a.Copy, a.Transfer, a.Transfer/a.Copy,
				*a.HereCopy, *a.HereSend, *a.HereSplice, *a.HereSend / *a.HereCopy)
		}
	}
	b.WriteString("\n")
}

// chunkTable is CPU per GB by method and chunk.
func (d *document) chunkTable(b *strings.Builder) {
	var chunks []int
	var methods []string
	cells := map[string]map[int]string{}
	for _, r := range d.Results {
		if r.Bytes != d.Base.Bytes || r.Streams != d.Base.Streams || isBaseline(r) {
			continue
		}
		if cells[r.Method] == nil {
			cells[r.Method] = map[int]string{}
			methods = append(methods, r.Method)
		}
		if cells[r.Method][r.Chunk] == "" && r.Method == methods[0] {
			chunks = append(chunks, r.Chunk)
		}
		cells[r.Method][r.Chunk] = r.CPU.text("%.0f")
	}
	slices.Sort(chunks)
	fmt.Fprintf(b, "### CPU ms per GB by chunk, %s\n\n| |", sizeText(d.Base.Bytes))
	for _, c := range chunks {
		fmt.Fprintf(b, " %s |", sizeText(int64(c)))
	}
	fmt.Fprintf(b, "\n| --- |%s\n", strings.Repeat(" --- |", len(chunks)))
	for _, m := range methods {
		fmt.Fprintf(b, "| %s |", m)
		for _, c := range chunks {
			fmt.Fprintf(b, " %s |", cells[m][c])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func (s spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", s.Median, s.Low, s.High)
}

// quotient is "–" for what is not held against anything.
func (s spread) quotient() string {
	if s.Median == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", s.Median)
}
