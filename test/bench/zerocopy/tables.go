package main

import (
	"fmt"
	"slices"
	"strings"

	"relay/test/bench/judge"
)

// target is one promise: the ratio of two methods in something that was measured.
type target struct {
	text      string
	ours      string
	theirs    string
	of        func(reading) float64
	must, aim float64
}

const copying = "send/read+write-64KiB"

func cpu(r reading) float64  { return r.cpu }
func wall(r reading) float64 { return r.wall }

var targets = []target{
	{"splice against read+write 64 KiB, CPU per GB", "send/splice", copying, cpu, 0.5, 0.35},
	{"sendfile against read+write 64 KiB, CPU per GB", "send/sendfile", copying, cpu, 0.5, 0.35},
	{"splice against read+write 64 KiB, elapsed", "send/splice", copying, wall, 0.55, 0.4},
	{"sendfile against read+write 64 KiB, elapsed", "send/sendfile", copying, wall, 0.55, 0.4},
	{"relay's splice against the bare loop, CPU per GB", "send/splice", bare, cpu, 1.3, 1.05},
	{"relay's sendfile against the bare loop, CPU per GB", "send/sendfile", bare, cpu, 0, 0},
}

// tables writes the targets as a table in Markdown, which reads well as it is.
func tables(rounds []map[string]reading, l loop, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "File → socket, %s, chunks of 1 MiB, one stream, %d rounds in turns with %s.\n\n", sizeText(o.bytes), len(rounds), l.what)
	fmt.Fprintf(&b, "| | elapsed ms | CPU ms per GB |\n| --- | --- | --- |\n")
	for _, m := range append(slices.Clone(methods), bare) {
		name := strings.TrimPrefix(m, "send/")
		if m == bare {
			name = "bare loop"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, over(rounds, func(r map[string]reading) float64 { return r[m].wall }, "%.0f"),
			over(rounds, func(r map[string]reading) float64 { return r[m].cpu }, "%.0f"))
	}
	fmt.Fprintf(&b, "\n| ratio, formed within a round | must | aim | measured | |\n| --- | --- | --- | --- | --- |\n")
	for _, t := range targets {
		ratio := func(r map[string]reading) float64 { return t.of(r[t.ours]) / t.of(r[t.theirs]) }
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", t.text, judge.Bound(t.must), judge.Bound(t.aim), over(rounds, ratio, "%.2f"), judge.Word(judge.Median(each(rounds, ratio)), t.must, t.aim))
	}
	return b.String()
}

// each is one figure of every round.
func each(rounds []map[string]reading, of func(map[string]reading) float64) (all []float64) {
	for _, r := range rounds {
		all = append(all, of(r))
	}
	return all
}

// over is the median with the lowest and the highest.
func over(rounds []map[string]reading, of func(map[string]reading) float64, format string) string {
	return judge.Spread(each(rounds, of), format)
}

func join(words []string) string { return strings.Join(words, ",") }

// sizeText names a size, decimal for files and binary for chunks.
func sizeText(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d %s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
