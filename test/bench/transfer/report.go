package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"relay/test/bench/judge"
)

// promise is a ratio of two ways of the same work, within a round.
type promise struct {
	text         string
	work         string
	ours, theirs string
	of           func(figures) float64
	must, aim    float64 // 0: it is only told
}

func wall(f figures) float64     { return f.Wall }
func receiver(f figures) float64 { return f.Receiver }

// promises are what relay is to reach.
func promises() (all []promise) {
	for _, work := range []string{largeSynced, large} {
		nginx := curlToNginx
		if work == largeSynced {
			nginx += thenSync
		}
		all = append(all,
			promise{"wall time", work, relaySend, rsyncWhole, wall, 0.7, 0.4},
			promise{"wall time", work, relayNoSum, rsyncWhole, wall, 0, 0},
			promise{"wall time", work, relaySend, nginx, wall, 0.9, 0.6},
			promise{"wall time", work, curlToRelay, nginx, wall, 0.9, 0.6})
	}
	for _, ours := range []string{curlToRelay, relayNoSum} {
		all = append(all, promise{"receiver CPU", large, ours, curlToNginx, receiver, 0.85, 0.6})
	}
	all = append(all, promise{"receiver CPU", large, relaySend, curlToNginx, receiver, 0, 0})
	for _, work := range []string{smallSynced, small} {
		all = append(all, promise{"wall time", work, relaySend, rsyncWhole, wall, 1.2, 0.6})
	}
	for _, work := range []string{hops, slowHops, hostHops} {
		all = append(all, promise{"wall time", work, twoHops, oneHop, wall, 1.5, 1.15})
	}
	for _, work := range []string{smallHops, smallUnsyncedHops} {
		all = append(all, promise{"wall time", work, twoHops, oneHop, wall, 0, 0})
	}
	return all
}

// report prints the tables.
func report(to io.Writer, r *record) error {
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "%s, %s\n%s\none file of %.1f GB; %d files of 4 KiB; %d rounds; median (lowest–highest)\n",
		r.Machine, r.Date.Format("2006-01-02 15:04"), r.Version, float64(r.Size)/1e9, r.Files, r.rounds())
	for _, line := range r.Skipped {
		fmt.Fprintln(out, "left out:", line)
	}
	var work string
	for _, f := range r.ways() {
		if f.Work != work {
			work = f.Work
			fmt.Fprintf(out, "\n| %s | wall s | sender CPU s | receiver CPU s | others %% |\n| --- | --- | --- | --- | --- |\n", work)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", f.Way, r.spread(f, wall), r.spread(f, func(f figures) float64 { return f.Sender }),
			r.spread(f, receiver), r.spread(f, func(f figures) float64 { return 100 * f.Others }))
	}
	fmt.Fprint(out, "\n| ratio | | ours ÷ theirs | must | aim | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, p := range promises() {
		if found := r.ratios(p); len(found) > 0 {
			fmt.Fprintf(out, "| %s, %s | %s ÷ %s | %s | %s | %s | %s |\n", p.work, p.text, p.ours, p.theirs, judge.Spread(found, "%.2f"), judge.Bound(p.must), judge.Bound(p.aim), judge.Word(judge.Median(found), p.must, p.aim))
		}
	}
	return out.Flush()
}

// ways are one run of each way, in the order in which they are planned.
func (r *record) ways() (all []figures) {
	order := []string{largeSynced, large, smallSynced, small, hops, slowHops, hostHops, smallHops, smallUnsyncedHops}
	for _, f := range r.Runs {
		if !slices.ContainsFunc(all, f.same) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b figures) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Work), slices.Index(order, b.Work)), cmp.Compare(rank(a.Way), rank(b.Way)))
	})
	return all
}

// rank puts relay first, and those with sync(1) where they are without.
func rank(way string) int {
	order := []string{relaySend, relayNoSum, curlToRelay, rsyncWhole, curlToNginx, secureCopy, oneHop, twoHops}
	for i, begins := range slices.Backward(order) { // the longer of two that begin alike comes later
		if strings.HasPrefix(way, begins) {
			return i
		}
	}
	return -1
}

func (f figures) same(other figures) bool { return f.Work == other.Work && f.Way == other.Way }

func (r *record) spread(w figures, of func(figures) float64) string {
	var list []float64
	for _, f := range r.Runs {
		if f.same(w) {
			list = append(list, of(f))
		}
	}
	return judge.Spread(list, "%.2f")
}

// ratios are formed within a round.
func (r *record) ratios(p promise) (list []float64) {
	for _, a := range r.Runs {
		for _, b := range r.Runs {
			if a.Round == b.Round && a.same(figures{Work: p.work, Way: p.ours}) && b.same(figures{Work: p.work, Way: p.theirs}) && p.of(b) > 0 {
				list = append(list, p.of(a)/p.of(b))
			}
		}
	}
	return list
}

func machine() string {
	var info unix.Sysinfo_t
	var uts unix.Utsname
	_, _ = unix.Sysinfo(&info), unix.Uname(&uts) // what is not known is not told
	return fmt.Sprintf("%d CPUs, %d MiB, Linux %s", runtime.NumCPU(), uint64(info.Totalram)*uint64(info.Unit)>>20, unix.ByteSliceToString(uts.Release[:]))
}

func version() string {
	text, err := exec.Command(*relay, "version").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay version:", err)
	}
	return strings.TrimSpace(string(text))
}
