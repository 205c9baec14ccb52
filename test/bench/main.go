package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// The main goroutine stays on the main thread, which is the one whose network children
// inherit and whose end they notice.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Args[2]))
	}
	o, err := parseOptions(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err, "(-help lists the flags)")
		os.Exit(2)
	}
	err = run(o, os.Stdout, os.Stderr)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted: nothing is reported")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or reads an earlier run, and reports. Its error is nil only if every
// measurement succeeded.
func run(o options, out, progress io.Writer) error {
	if o.read != "" {
		r, err := loadRecord(o.read)
		if err != nil {
			return err
		}
		return publish(r, out, "", o.svg)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	r, err := measureAll(ctx, o, progress)
	if err != nil {
		return err
	}
	return publish(r, out, o.json, o.svg)
}

func measureAll(ctx context.Context, o options, progress io.Writer) (*record, error) {
	peers, err := findPeers(o)
	for _, line := range peers.skipped {
		fmt.Fprintln(progress, "left out:", line)
	}
	if err != nil {
		return nil, err
	}
	b, err := newBench(o)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.scratch)
	r := newRecord(o, peers)
	if err := enterPrivateNetwork(); err != nil {
		fmt.Fprintf(progress, "on the machine's own loopback, where others may interfere: %v\n", err)
	} else {
		r.Private = true
	}
	r.Results, err = b.runRounds(ctx, peers, progress)
	return r, err
}

// newBench finds what every measurement needs, and makes the directory that the caller
// removes.
func newBench(o options) (b *bench, err error) {
	b = &bench{options: o}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.memory, err = newTCPMemory(); err != nil {
		return nil, err
	}
	if err = raiseDescriptorLimit(); err != nil {
		return nil, err
	}
	if o.dir, err = filepath.Abs(cmp.Or(o.dir, os.TempDir())); err != nil {
		return nil, err
	}
	b.scratch, err = os.MkdirTemp(o.dir, "relay-bench-")
	return b, err
}

func newRecord(o options, c cast) *record {
	r := &record{
		Command: o.args, Date: time.Now(), Machine: thisMachine(),
		Rounds: o.rounds, WarmUp: o.warm, Window: o.window, FileBytes: o.file,
		Skipped: c.skipped,
	}
	for _, b := range o.relays {
		r.Relays = append(r.Relays, b.label)
	}
	known := make(map[string]bool)
	for _, p := range append(append([]peer{}, c.proxies...), c.servers...) {
		if !known[p.name] {
			known[p.name] = true
			r.Peers = append(r.Peers, player{p.name, p.program, p.version})
		}
	}
	return r
}

// publish prints the tables and writes the files.
func publish(r *record, out io.Writer, jsonPath, svgPath string) error {
	if err := printReport(out, r); err != nil {
		return err
	}
	if jsonPath != "" {
		if err := r.save(jsonPath); err != nil {
			return err
		}
	}
	if svgPath != "" {
		if err := writeFile(svgPath, []byte(drawChart(r))); err != nil {
			return err
		}
	}
	if n := len(r.failures()); n > 0 {
		return fmt.Errorf("%s failed", plural(n, "measurement"))
	}
	return nil
}
