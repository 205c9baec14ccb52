package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printReport writes where the numbers come from, a table for each group of
// workloads, builds of relay against each other, the targets, and what failed.
func printReport(out io.Writer, r *record) error {
	printOrigin(out, r)
	for i := range groups {
		printGroup(out, r, &groups[i])
	}
	printBuilds(out, r)
	printTargets(out, r)
	printDisturbance(out, r)
	return printFailures(out, r)
}

func printOrigin(out io.Writer, r *record) {
	m := r.Machine
	fmt.Fprintf(out, "\n%s, %s, %d MiB, Linux %s, %s\n", plural(m.CPUs, "CPU"), m.CPU, m.MemoryMiB, m.Kernel, r.Date.Format("2006-01-02 15:04"))
	network := "the machine's own loopback"
	if r.Private {
		network = "loopback of a private network namespace"
	}
	fmt.Fprintf(out, "%s of %v after %v of warm-up, on the %s; median (lowest–highest)\n", plural(r.Rounds, "round"), r.Window, r.WarmUp, network)
	known := make(map[string]bool)
	for _, p := range r.Peers {
		if p.Version != "" && !known[p.Program+p.Version] {
			known[p.Program+p.Version] = true
			fmt.Fprintf(out, "%s: %s\n", p.Program, p.Version)
		}
	}
	for _, line := range r.Skipped {
		fmt.Fprintf(out, "left out: %s\n", line)
	}
}

// table lines up cells that are separated by tabs.
func table(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
}

func printGroup(out io.Writer, r *record, g *group) {
	var rows []string
	for _, w := range g.cases(r.FileBytes) {
		label := w.label
		for _, p := range r.Peers {
			if row, measured := groupRow(r, g, w, p); measured {
				rows = append(rows, "  "+label+"\t"+row)
				label = ""
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", g.title)
	t := table(out)
	defer t.Flush()
	header := "  \tpeer"
	for _, m := range g.metrics {
		header += "\t" + m.unit
	}
	fmt.Fprintln(t, header)
	for _, row := range rows {
		fmt.Fprintln(t, row)
	}
}

// groupRow is one peer's cells in one case, if it took part.
func groupRow(r *record, g *group, w workload, p player) (row string, measured bool) {
	cells := []string{p.Name}
	for _, m := range g.metrics {
		s := spreadOf(r.samples(w.name, p.Name, m))
		measured = measured || s.rounds > 0
		cells = append(cells, s.text())
	}
	if n := r.failed(w.name, p.Name); n > 0 {
		measured = true
		cells = append(cells, plural(n, "FAILURE"))
	}
	return strings.Join(cells, "\t"), measured
}

// printBuilds compares the first build of relay with every other one.
func printBuilds(out io.Writer, r *record) {
	if len(r.Relays) < 2 {
		return
	}
	ours := r.Relays[0]
	for _, theirs := range r.Relays[1:] {
		fmt.Fprintf(out, "\n%s divided by %s, round by round\n", ours, theirs)
		t := table(out)
		for _, w := range allWork(r.FileBytes) {
			for _, suffix := range w.group.suffixes() {
				printRatios(t, r, w, ours+suffix, theirs+suffix)
			}
		}
		t.Flush()
	}
}

func printRatios(t io.Writer, r *record, w workload, ours, theirs string) {
	for _, m := range w.group.metrics {
		s := spreadOf(ratios(r.samples(w.name, ours, m), r.samples(w.name, theirs, m)))
		if s.rounds > 0 {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", w.name, ours, m.unit, s.text())
		}
	}
}

// suffixes is what follows a build's label in the names of its peers.
func (g *group) suffixes() []string {
	if !g.servers {
		return []string{""}
	}
	var all []string
	for _, transfer := range transfers {
		all = append(all, ":"+transfer)
	}
	return all
}

func printTargets(out io.Writer, r *record) {
	for _, label := range r.Relays {
		rows := judgeAll(r, label)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(out, "\nTargets of %s: ratios are formed within a round; the median decides\n", label)
		t := table(out)
		fmt.Fprintln(t, "  \tagainst\tmust\taim\tmeasured\t")
		for _, v := range rows {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", v.text, v.rival, v.bound(v.must), v.bound(v.aim), v.found.text(), v.word)
		}
		t.Flush()
	}
}

func printDisturbance(out io.Writer, r *record) {
	var disturbed int
	var worst float64
	for _, x := range r.Results {
		if x.Foreign > disturbance {
			disturbed++
		}
		worst = max(worst, x.Foreign)
	}
	if disturbed > 0 {
		fmt.Fprintf(out, "\nNot a quiet machine: others took more than %.0f %% of its CPUs in %d of %s, %.0f %% at worst (-retries may help).\n",
			100*disturbance, disturbed, plural(len(r.Results), "measurement"), 100*worst)
	}
}

func printFailures(out io.Writer, r *record) error {
	for i, f := range r.failures() {
		if i == 0 {
			fmt.Fprintln(out, "\nFailed, and in none of the numbers above:")
		}
		fmt.Fprintf(out, "  round %d, %s, %s: %s\n", f.Round, f.Work, f.Peer, f.Error)
	}
	_, err := fmt.Fprintln(out)
	return err
}
