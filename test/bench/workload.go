package main

import (
	"fmt"
	"slices"
)

// group is one kind of work, measured in several cases and shown as one table.
type group struct {
	name     string
	title    string
	metrics  []metric // the columns
	cases    func(fileBytes int64) []workload
	optional bool // only when asked for by name
	servers  bool // the peers are file servers, not proxies
	proxied  bool // "no proxy at all" says nothing
}

var groups = []group{
	{
		name: "bulk", title: "Bulk, backend to client",
		metrics: []metric{gigabytesRate, cpuPerGB},
		cases:   func(int64) []workload { return bulkCases("bulk", roleSink, roleSource) },
	}, {
		name: "upload", title: "Bulk, client to backend", optional: true,
		metrics: []metric{gigabytesRate, cpuPerGB},
		cases:   func(int64) []workload { return bulkCases("upload", roleSource, roleSink) },
	}, {
		name: "rr", title: "Request-response of 100 bytes",
		metrics: []metric{requestRate, cpuPerRequest, latencyMedian, latencyTail},
		cases:   func(int64) []workload { return rrCases() },
	}, {
		name: "http", title: "HTTP responses over 16 kept-alive connections",
		metrics: []metric{requestRate, cpuPerRequest, gigabytesRate},
		cases:   func(int64) []workload { return httpCases() },
	}, {
		name: "short", title: "Short connections: connect, 100 bytes there and back, close",
		metrics: []metric{shortRate, cpuPerShort},
		cases:   func(int64) []workload { return []workload{shortCase} },
	}, {
		name: "idle", title: "User memory of an idle session", proxied: true,
		metrics: []metric{sessionMemory},
		cases:   func(int64) []workload { return []workload{idleCase} },
	}, {
		name: "file", title: "A file from the page cache over HTTP", servers: true,
		metrics: []metric{gigabytesRate, cpuPerGB},
		cases:   fileCases,
	},
}

// workload is one case of a group: what its two ends do, and how what they report
// becomes numbers.
type workload struct {
	group   *group
	name    string // bulk-8
	label   string // 8 streams
	front   job    // dials the peer
	back    job    // accepts from the peer; no role: the peer answers by itself
	numbers func(measuring report, proxied bool) (numbers, error)
}

// The sizes of the cases.
var (
	bulkStreams   = []int{1, 8, 64}
	rrConnections = []int{1, 50, 500}
	httpKiB       = []int64{4, 16, 64, 256, 1024}
	fileStreams   = []int{1, 8}
)

const (
	httpConnections = 16
	shortAtOnce     = 32
)

func bulkCases(name string, front, back role) (all []workload) {
	for _, n := range bulkStreams {
		all = append(all, workload{
			name: fmt.Sprintf("%s-%d", name, n), label: plural(n, "stream"),
			front: job{Role: front, Streams: n},
			back:  job{Role: back, Streams: n},
			numbers: func(sink report, proxied bool) (numbers, error) {
				return streaming(sink.Window, proxied)
			},
		})
	}
	return all
}

func rrCases() (all []workload) {
	for _, n := range rrConnections {
		all = append(all, workload{
			name: fmt.Sprintf("rr-%d", n), label: plural(n, "connection"),
			front: job{Role: roleAsk, Streams: n},
			back:  job{Role: roleEcho},
			numbers: func(front report, proxied bool) (numbers, error) {
				n, err := counting(front.Window, proxied, requestRate, cpuPerRequest)
				if err == nil {
					n[latencyMedian.key] = microseconds(front.P50)
					n[latencyTail.key] = microseconds(front.P99)
				}
				return n, err
			},
		})
	}
	return all
}

func httpCases() (all []workload) {
	for _, kib := range httpKiB {
		all = append(all, workload{
			name: fmt.Sprintf("http-%d", kib), label: fmt.Sprintf("%d KiB", kib),
			front: job{Role: roleFetch, Streams: httpConnections, Size: kib << 10, SameHead: true},
			back:  job{Role: roleServe, Size: kib << 10},
			numbers: func(front report, proxied bool) (numbers, error) {
				n, err := counting(front.Window, proxied, requestRate, cpuPerRequest)
				if err == nil {
					n[gigabytesRate.key] = float64(front.Window.Bytes) / gigabyte / front.Window.Elapsed.Seconds()
				}
				return n, err
			},
		})
	}
	return all
}

var shortCase = workload{
	name: "short", label: plural(shortAtOnce, "connection") + " at once",
	front: job{Role: roleShort, Streams: shortAtOnce},
	back:  job{Role: roleEcho, Once: true},
	numbers: func(front report, proxied bool) (numbers, error) {
		return counting(front.Window, proxied, shortRate, cpuPerShort)
	},
}

var idleCase = workload{
	name: "idle", label: fmt.Sprintf("from %d to %d sessions", idleSteps[0], idleSteps[1]),
	front:   job{Role: roleIdle},
	back:    job{Role: roleEcho},
	numbers: func(front report, _ bool) (numbers, error) { return slope(front.Idle) },
}

func fileCases(fileBytes int64) (all []workload) {
	for _, n := range fileStreams {
		all = append(all, workload{
			name: fmt.Sprintf("file-%d", n), label: plural(n, "stream"),
			front: job{Role: roleFetch, Streams: n, Size: fileBytes},
			numbers: func(front report, proxied bool) (numbers, error) {
				return streaming(front.Window, proxied)
			},
		})
	}
	return all
}

// allWork is every case, in the order of the tables.
func allWork(fileBytes int64) (all []workload) {
	for i := range groups {
		for _, w := range groups[i].cases(fileBytes) {
			w.group = &groups[i]
			all = append(all, w)
		}
	}
	return all
}

// selectWork is the cases asked for, by their group's name or their own; all that are
// not optional when nothing is.
func selectWork(only []string, fileBytes int64) []workload {
	return slices.DeleteFunc(allWork(fileBytes), func(w workload) bool {
		if len(only) == 0 {
			return w.group.optional
		}
		return !slices.Contains(only, w.group.name) && !slices.Contains(only, w.name)
	})
}

// takes reports whether a peer has a part in the group.
func (g *group) takes(p peer) bool { return !g.proxied || p.program != "" }

func groupNames() (names []string) {
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
