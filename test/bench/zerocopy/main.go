package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// options are the flags.
type options struct {
	relay   string
	bytes   int64
	rounds  int
	dir     string
	results string
	svg     string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == goLoop {
		finish(runGoLoop(os.Args[2:]))
		return
	}
	var o options
	flag.StringVar(&o.relay, "relay", "bin/relay", "the program")
	flag.Int64Var(&o.bytes, "bytes", 1e9, "size of the file")
	flag.IntVar(&o.rounds, "rounds", 5, "how often relay and the loop take turns")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the files are made")
	flag.StringVar(&o.results, "results", "", "also run all of relay bench and put everything into this `FILE`")
	flag.StringVar(&o.svg, "svg", "zerocopy.svg", "the chart, beside the results")
	flag.Parse()
	finish(run(o))
}

func finish(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "zerocopy:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	scratch, err := os.MkdirTemp("", "relay-zerocopy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	l, err := buildLoop(scratch)
	if err != nil {
		return err
	}
	rounds, err := takeTurns(o, l)
	if err != nil {
		return err
	}
	text := tables(rounds, l, o)
	fmt.Print(text)
	if o.results == "" {
		return nil
	}
	svg := filepath.Join(filepath.Dir(o.results), o.svg)
	d, err := bench(o.relay, "--dir", o.dir, "--svg", svg)
	if err != nil {
		return err
	}
	return writeResults(o, d, text)
}

// methods of relay that are held against the loop and against each other.
var methods = []string{"send/read+write-64KiB", "send/read+write-1MiB", "send/sendfile", "send/splice"}

const (
	bare  = "bare" // the loop's name among them
	chunk = 1 << 20
)

// takeTurns runs relay's methods and the loop in each round.
func takeTurns(o options, l loop) (rounds []map[string]reading, err error) {
	sink, end, err := startSink(o.relay)
	if err != nil {
		return nil, err
	}
	defer end()
	for i := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, o.rounds)
		round := make(map[string]reading)
		d, err := bench(o.relay, "--only", join(methods), "--sizes", strconv.FormatInt(o.bytes, 10), "--chunks", strconv.Itoa(chunk),
			"--streams", "1", "--rounds", "1", "--dir", o.dir, "--to", sink)
		if err != nil {
			return nil, err
		}
		for _, m := range methods {
			if round[m], err = d.find(m); err != nil {
				return nil, err
			}
		}
		if round[bare], err = l.run(sink, o.bytes, chunk, o.dir); err != nil {
			return nil, err
		}
		rounds = append(rounds, round)
	}
	return rounds, nil
}
