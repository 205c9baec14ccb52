package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options is the command line.
type options struct {
	quick   bool
	only    []string
	peers   []string
	relays  []build
	rounds  int
	retries int
	warm    time.Duration
	window  time.Duration
	file    int64 // bytes of the file that is sent
	dir     string
	json    string
	svg     string
	read    string
	args    []string // the command line itself, for the record
}

const usage = `usage: go run ./test/bench [flags]

Measures relay beside HAProxy and nginx. doc.go explains the method.

`

// parseOptions returns flag.ErrHelp after it has written how to use the program.
func parseOptions(args []string, help io.Writer) (options, error) {
	o := options{args: args}
	var seconds, fileMiB float64
	flags := o.flags(&seconds, &fileMiB)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, usage)
		flags.SetOutput(help)
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.complete(seconds, fileMiB)
	return o, o.check()
}

func (o *options) flags(seconds, fileMiB *float64) *flag.FlagSet {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are the caller's to print
	flags.Usage = func() {}
	flags.BoolVar(&o.quick, "quick", false, "one short round: shows that everything runs, not how fast")
	flags.Var(listFlag{&o.only}, "only", "workloads, separated by commas: "+strings.Join(groupNames(), ", ")+
		"; or one of them, like bulk-8 (default: all but upload)")
	flags.Var(listFlag{&o.peers}, "peers", "peers, separated by commas: none, relay, haproxy, haproxy-splice, nginx, … (default all)")
	flags.Var(buildFlag{&o.relays}, "relay", "relay to measure, PATH or LABEL=PATH; may be given several times (default bin/relay)")
	flags.IntVar(&o.rounds, "rounds", 0, "rounds (default 5; 1 with -quick)")
	flags.IntVar(&o.retries, "retries", 0, "measure again, up to so many times, what other processes have disturbed")
	flags.Float64Var(seconds, "seconds", 0, "seconds in each measurement (default 0.8; 0.3 with -quick)")
	flags.Float64Var(fileMiB, "file-mib", 0, "MiB of the file that is sent (default 1024; 128 with -quick)")
	flags.StringVar(&o.dir, "dir", "", "where to keep the file that is sent and the peers' files (default: the system's temporary directory)")
	flags.StringVar(&o.json, "json", "test/bench/out/bench.json", "write every round's numbers to this file; empty: do not")
	flags.StringVar(&o.svg, "svg", "test/bench/out/bench.svg", "draw the chart into this file; empty: do not")
	flags.StringVar(&o.read, "read", "", "measure nothing: print and draw what an earlier run wrote with -json")
	return flags
}

// complete fills in what was left to the size of the run.
func (o *options) complete(seconds, fileMiB float64) {
	rounds, warm, window, mib := 5, 250*time.Millisecond, 800*time.Millisecond, 1024.0
	if o.quick {
		rounds, warm, window, mib = 1, 100*time.Millisecond, 300*time.Millisecond, 128
	}
	if o.rounds == 0 {
		o.rounds = rounds
	}
	if fileMiB == 0 {
		fileMiB = mib
	}
	o.file = int64(fileMiB * (1 << 20))
	o.warm, o.window = warm, window
	if seconds != 0 {
		o.window = time.Duration(seconds * float64(time.Second))
	}
	if len(o.relays) == 0 {
		o.relays = []build{{"relay", "bin/relay"}}
	}
}

func (o *options) check() error {
	if o.rounds < 1 || o.retries < 0 || o.window <= 0 || o.file < 1 {
		return errors.New("-rounds, -seconds and -file-mib must be more than zero, -retries not less")
	}
	for _, name := range o.only {
		if len(selectWork([]string{name}, o.file)) == 0 {
			return fmt.Errorf("no workload is called %q", name)
		}
	}
	labels := make(map[string]bool)
	for _, r := range o.relays {
		if labels[r.label] || slices.Contains([]string{noProxy, "nginx"}, r.label) || strings.HasPrefix(r.label, "haproxy") {
			return fmt.Errorf("-relay: the label %q is taken", r.label)
		}
		labels[r.label] = true
	}
	return nil
}

// listFlag is a list of words; given twice, the lists add up.
type listFlag struct{ words *[]string }

func (f listFlag) String() string { return "" }

func (f listFlag) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			*f.words = append(*f.words, word)
		}
	}
	return nil
}

// buildFlag is PATH or LABEL=PATH.
type buildFlag struct{ builds *[]build }

func (f buildFlag) String() string { return "" }

func (f buildFlag) Set(text string) error {
	label, path, found := strings.Cut(text, "=")
	if !found {
		label, path = "relay", text
	}
	if label == "" || path == "" || strings.ContainsAny(label, ":-, ") {
		return errors.New("want PATH or LABEL=PATH, the label without colon, comma, dash or space")
	}
	*f.builds = append(*f.builds, build{label, path})
	return nil
}
