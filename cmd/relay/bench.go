package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/bench"
	"relay/relay/bench/report"
)

// benchFlags are the words on the command line.
type benchFlags struct {
	sizes, chunks []string
	streams       []int
	methods       []string
	rounds        int
	quick         bool
	dir           string
	to, sink      string
	json, csv     bool
	svg, read     string
	role          string
}

func benchCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what copying, mmap, sendfile and splice cost on this machine",
		Long: `Measure what each way of moving bytes costs on this machine: file to socket (send),
socket to socket (relay) and socket to file (receive), by copying and without. relay's
own data path does the work; plain loops of read and write stand beside it.

The bytes go to a process of its own, which throws them away, counts and checks them;
a run that loses or repeats one is an error. --to sends them to another host instead,
where 'relay bench --sink' runs.

The whole takes a few minutes and disturbs what else the machine does; --quick takes
seconds. Each line has the wall time, the exact CPU time of the process that moves the
bytes, its system calls, context switches and page faults for each GB (10⁹ bytes), and
its ratio to read+write with a 64 KiB buffer. It ends in sentences, and in lines for
relay.toml. Exit code 1 says that a measurement failed.`,
		Example: `  relay bench --quick
  relay bench --svg costs.svg
  relay bench --only send --sizes 1GB --chunks 64KiB,1MiB --rounds 9
  relay bench --only send/sendfile,send/splice --json > costs.json
  relay bench --sink=0.0.0.0:9007                # on one host, and on the other
  relay bench --to 10.0.0.2:9007`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout()) },
	}
	l := c.Flags()
	l.StringSliceVar(&f.sizes, "sizes", nil, "`SIZES` to move, such as 7MB,1GB (default the article's: 7MB to 1GB)")
	l.StringSliceVar(&f.chunks, "chunks", nil, "most bytes one call moves, such as 64KiB,1MiB (default 4KiB to 4MiB)")
	l.IntSliceVar(&f.streams, "streams", nil, "`NUMBERS` of streams at once (default 1,8)")
	l.StringSliceVar(&f.methods, "only", nil, "`METHODS`: send, relay, receive, or one like send/splice (default all)")
	l.IntVar(&f.rounds, "rounds", 0, "`N` times each, interleaved (default 5, with --quick 3)")
	l.BoolVar(&f.quick, "quick", false, "small sizes and few of them: seconds")
	l.StringVar(&f.dir, "dir", os.TempDir(), "`DIRECTORY` for the file that is sent, unnamed; room for twice the largest size")
	l.StringVar(&f.to, "to", "", "send to a sink at `HOST:PORT`")
	l.StringVar(&f.sink, "sink", "", "be the sink for other hosts, at `ADDRESS`, until interrupted")
	l.Lookup("sink").NoOptDefVal = "0.0.0.0:9007"
	l.BoolVar(&f.json, "json", false, "print the results as JSON")
	l.BoolVar(&f.csv, "csv", false, "print the results as CSV")
	l.StringVar(&f.svg, "svg", "", "draw time, CPU and system calls into `FILE`")
	l.StringVar(&f.read, "read", "", "measure nothing: report what an earlier run printed as JSON into `FILE`")
	l.StringVar(&f.role, "role", "", "")
	_ = l.MarkHidden("role") // what a bench starts itself with
	c.MarkFlagsMutuallyExclusive("json", "csv")
	c.MarkFlagsMutuallyExclusive("to", "sink", "read")
	return c
}

func (f *benchFlags) run(out io.Writer) error {
	switch {
	case f.role != "":
		return failed(bench.Serve(bench.Role(f.role), f.dir))
	case f.sink != "":
		return f.serveSink(out)
	case f.read != "":
		return f.reread(out)
	}
	plan, err := f.plan()
	if err != nil {
		return err
	}
	b := &bench.Bench{Plan: plan, Dir: f.dir}
	if f.to != "" {
		if b.To, err = resolve(f.to); err != nil {
			return failure{err}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return failure{err}
	}
	b.Child = []string{self, "bench", "--dir", f.dir, "--role"}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bar := showProgress(b)
	record, err := b.Run(ctx)
	bar()
	if err != nil {
		return failure{fmt.Errorf("bench: %w", err)}
	}
	return f.publish(out, report.New(record, version))
}

// plan is the default one with what the flags change.
func (f *benchFlags) plan() (p bench.Plan, err error) {
	p = bench.DefaultPlan()
	if f.quick {
		p = bench.QuickPlan()
	}
	if p.Methods, err = bench.Select(f.methods); err != nil {
		return p, err
	}
	if len(f.sizes) > 0 {
		if p.Sizes, err = sizes[int64](f.sizes); err != nil {
			return p, fmt.Errorf("--sizes: %w", err)
		}
	}
	if len(f.chunks) > 0 {
		if p.Chunks, err = sizes[int](f.chunks); err != nil {
			return p, fmt.Errorf("--chunks: %w", err)
		}
	}
	if len(f.streams) > 0 {
		p.Streams = f.streams
	}
	if f.rounds != 0 {
		p.Rounds = f.rounds
	}
	return p, p.Check()
}

func sizes[N int | int64](words []string) (all []N, err error) {
	for _, w := range words {
		n, err := config.ParseSize(w)
		if err != nil {
			return nil, err
		}
		all = append(all, N(n))
	}
	return all, nil
}

func (f *benchFlags) publish(out io.Writer, d *report.Document) error {
	if f.svg != "" {
		file, err := os.Create(f.svg)
		if err != nil {
			return failure{err}
		}
		if err := errors.Join(d.SVG(file), file.Close()); err != nil {
			return failure{err}
		}
	}
	write := d.Table
	if f.json {
		write = d.JSON
	} else if f.csv {
		write = d.CSV
	}
	if err := write(out); err != nil {
		return failure{err}
	}
	if n := len(d.Failures); n > 0 {
		return failure{fmt.Errorf("bench: %d measurements failed; the first: %s: %s", n, d.Failures[0].Method, d.Failures[0].Error)}
	}
	return nil
}

func (f *benchFlags) reread(out io.Writer) error {
	file, err := os.Open(f.read)
	if err != nil {
		return failure{err}
	}
	defer file.Close()
	d, err := report.Read(file)
	if err != nil {
		return failure{fmt.Errorf("%s: %w", f.read, err)}
	}
	return f.publish(out, d)
}

// serveSink runs until a signal.
func (f *benchFlags) serveSink(out io.Writer) error {
	at, err := resolve(f.sink)
	if err != nil {
		return failure{err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, w := io.Pipe()
	go func() { // ends with the process
		<-ctx.Done()
		w.Close()
	}()
	return failed(bench.Sink(at, r, out))
}

// resolve takes a host name as well as an address.
func resolve(hostPort string) (netip.AddrPort, error) {
	a, err := bench.Resolve(hostPort)
	if err != nil {
		return a, fmt.Errorf("%s: %w", hostPort, err)
	}
	return a, nil
}

// failed makes an error one of the work.
func failed(err error) error {
	if err != nil {
		return failure{err}
	}
	return nil
}

// showProgress has the bench say on a terminal how far it is; what it returns clears that.
func showProgress(b *bench.Bench) (clear func()) {
	if !isatty.IsTerminal(os.Stderr.Fd()) {
		return func() {}
	}
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionUseANSICodes(true))
	b.Progress = func(doing string, done, all int64) {
		bar.ChangeMax64(max(all, 1))
		bar.Describe(fmt.Sprintf("%-44s", doing))
		_ = bar.Set64(min(done, all-1)) // a bar that cannot be drawn changes nothing
	}
	return func() { _ = bar.Clear() }
}
