package main

import "fmt"

// target is one line of what relay promises: a metric of a workload, as a ratio to the
// better of some rivals, or as it is.
type target struct {
	text   string
	work   string
	metric metric
	suffix string   // which of a build's peers
	rivals []string // none: the value itself counts
	must   float64  // 0: nothing is required
	aim    float64
	unit   string // of the bounds, where the value itself counts
}

// The rivals that targets name.
var (
	haproxySplice = []string{"haproxy-splice"}
	haproxyAny    = []string{"haproxy-splice", "haproxy-auto", "haproxy-copy"}
	anyProxy      = append([]string{"nginx"}, haproxyAny...)
	onlyNginx     = []string{"nginx"}
)

func allTargets() (all []target) {
	all = append(all, bulkTargets()...)
	all = append(all, rrTargets()...)
	for _, kib := range httpKiB {
		all = append(all, target{
			text: fmt.Sprintf("HTTP %d KiB, CPU per request", kib), work: fmt.Sprintf("http-%d", kib),
			metric: cpuPerRequest, rivals: haproxyAny, must: 0.95, aim: 0.75,
		})
	}
	all = append(all,
		target{text: "short connections per second", work: "short", metric: shortRate, rivals: anyProxy, must: 0.95, aim: 1.2},
		target{text: "memory of an idle session", work: "idle", metric: sessionMemory, must: 1024, aim: 512, unit: " B"})
	for _, n := range fileStreams {
		work := fmt.Sprintf("file-%d", n)
		text := fmt.Sprintf("file, %s, CPU per GB, ", plural(n, "stream"))
		all = append(all,
			target{text: text + "sendfile", work: work, metric: cpuPerGB, suffix: ":sendfile", rivals: onlyNginx, must: 1.05, aim: 0.9},
			target{text: text + "splice", work: work, metric: cpuPerGB, suffix: ":splice", rivals: onlyNginx, must: 1.35, aim: 1.0})
	}
	return all
}

func bulkTargets() (all []target) {
	for i, n := range bulkStreams {
		work, text := fmt.Sprintf("bulk-%d", n), "bulk, "+plural(n, "stream")
		all = append(all,
			target{text: text + ", CPU per GB", work: work, metric: cpuPerGB, rivals: haproxySplice, must: []float64{1.0, 0.95, 0.95}[i], aim: 0.8},
			target{text: text + ", CPU per GB", work: work, metric: cpuPerGB, rivals: onlyNginx, must: 0.35, aim: 0.2},
			target{text: text + ", GB/s", work: work, metric: gigabytesRate, rivals: haproxySplice, must: 0.95, aim: 1.2},
			target{text: text + ", GB/s", work: work, metric: gigabytesRate, rivals: []string{noProxy}, aim: 0.45})
	}
	return all
}

func rrTargets() (all []target) {
	for _, n := range rrConnections {
		work, text := fmt.Sprintf("rr-%d", n), "100 bytes, "+plural(n, "connection")
		all = append(all,
			target{text: text + ", CPU per request", work: work, metric: cpuPerRequest, rivals: anyProxy, must: 1.0, aim: 0.8},
			target{text: text + ", requests/s", work: work, metric: requestRate, rivals: anyProxy, must: 0.95, aim: 1.2},
			target{text: text + ", p99", work: work, metric: latencyTail, rivals: anyProxy, must: 1.1, aim: 0.8})
	}
	return all
}

// verdict is a target and what became of it.
type verdict struct {
	target
	rival string // the one it was held against
	found spread
	word  string
}

// judgeAll judges the targets whose workload one build of relay took part in.
func judgeAll(r *record, label string) (all []verdict) {
	for _, t := range allTargets() {
		ours := label + t.suffix
		if len(r.samples(t.work, ours, t.metric)) > 0 || r.failed(t.work, ours) > 0 {
			all = append(all, judgeOne(r, t, ours))
		}
	}
	return all
}

func judgeOne(r *record, t target, ours string) verdict {
	v := verdict{target: t, rival: "–"}
	own := r.samples(t.work, ours, t.metric)
	if len(t.rivals) == 0 {
		v.found = spreadOf(own)
	} else if rival, found := bestOf(r, t); found {
		v.rival = rival
		v.found = spreadOf(ratios(own, r.samples(t.work, rival, t.metric)))
	}
	v.word = v.weigh(r.failed(t.work, ours))
	return v
}

// bestOf is the rival with the best median. It is chosen once, over all rounds: the
// best of each round would be the luckiest, and better than any of them is.
func bestOf(r *record, t target) (best string, found bool) {
	var bestMid float64
	for _, rival := range t.rivals {
		s := spreadOf(r.samples(t.work, rival, t.metric))
		if s.rounds > 0 && (!found || t.metric.better(s.mid, bestMid)) {
			best, bestMid, found = rival, s.mid, true
		}
	}
	return best, found
}

// better reports whether a beats b.
func (m metric) better(a, b float64) bool {
	if m.higher {
		return a > b
	}
	return a < b
}

func (v verdict) weigh(failures int) string {
	reaches := func(bound float64) bool { return bound != 0 && !v.metric.better(bound, v.found.mid) }
	switch {
	case failures > 0:
		return "MISSED: " + plural(failures, "measurement") + " failed"
	case v.found.rounds == 0:
		return "no rival measured"
	case reaches(v.aim):
		return "pass, aim reached"
	case v.must == 0:
		return "aim not reached"
	case reaches(v.must):
		return "pass"
	}
	return "MISSED"
}

// bound writes a limit with the direction it works in.
func (v verdict) bound(limit float64) string {
	switch {
	case limit == 0:
		return "–"
	case v.metric.higher:
		return fmt.Sprintf("≥ %g%s", limit, v.unit)
	}
	return fmt.Sprintf("≤ %g%s", limit, v.unit)
}
