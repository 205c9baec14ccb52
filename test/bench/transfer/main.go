package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

var (
	size   = flag.Int64("size", 4_000_000_000, "bytes of the large file")
	files  = flag.Int("files", 10_000, "number of small files, of 4 KiB each")
	rounds = flag.Int("rounds", 3, "times each, interleaved")
	relay  = flag.String("relay", "bin/relay", "the program")
	only   = flag.String("only", "", "measure only what this regular expression finds in \"work: way\"")
	within = flag.String("dir", "", "where to keep the files (default: the system's temporary directory)")
	save   = flag.String("json", "test/bench/out/transfer.json", "write every run's numbers to this file; empty: do not")
	read   = flag.String("read", "", "measure nothing: report what is in these files, written with -json and separated by commas")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "transfer:", err)
		os.Exit(1)
	}
}

// record is what is known of a benchmark.
type record struct {
	Machine, Version string
	Date             time.Time
	Size             int64
	Files            int
	Skipped          []string
	Runs             []figures
}

// figures are those of one run, in seconds.
type figures struct {
	Round                          int
	Work, Way                      string
	Wall, Sender, Receiver, Others float64
}

func run() error {
	if *read != "" {
		r, err := loadAll(strings.Split(*read, ","))
		if err != nil {
			return err
		}
		return report(os.Stdout, r)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if *relay, err = filepath.Abs(*relay); err != nil {
		return err
	}
	r := &record{Machine: machine(), Version: version(), Date: time.Now(), Files: *files}
	if err := measureAll(r, wanted); err != nil {
		return err
	}
	if *save != "" {
		if err := r.write(*save); err != nil {
			return err
		}
	}
	return report(os.Stdout, r)
}

func measureAll(r *record, wanted *regexp.Regexp) error {
	dir, err := os.MkdirTemp(*within, "relay-transfer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if r.Size, err = fit(dir, *size); err != nil {
		return err
	}
	if err := prepare(dir, r.Size); err != nil {
		return err
	}
	servers, err := start(dir, wanted.MatchString(hostHops+": "+oneHop) || wanted.MatchString(hostHops+": "+twoHops))
	defer func() {
		for _, s := range servers {
			s.stop()
		}
		partHosts()
	}()
	if err != nil {
		return err
	}
	var all []*way
	for _, w := range ways(dir, servers, &r.Skipped) {
		if wanted.MatchString(w.work + ": " + w.name) {
			all = append(all, w)
		}
	}
	for round := range *rounds {
		for i := range all {
			w := all[(round+i)%len(all)]
			f, err := w.measure(dir, round)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", w.work, w.name, err)
			}
			r.Runs = append(r.Runs, f)
			fmt.Fprintf(os.Stderr, "round %d/%d  %-24s %-34s %.2f s, CPU %.2f + %.2f s, others %.0f %%\n",
				round+1, *rounds, f.Work, f.Way, f.Wall, f.Sender, f.Receiver, 100*f.Others)
		}
	}
	return nil
}

// measure takes away what was received before, and runs the way once.
func (w *way) measure(dir string, round int) (f figures, err error) {
	if err := takeAllAway(dir); err != nil {
		return f, err
	}
	syscall.Sync()
	if err := warm(); err != nil {
		return f, err
	}
	name := fmt.Sprintf("file%d-%d", round, time.Now().UnixNano()) // a forward sends no file again that it has sent
	receivers, busy := w.cpu(), machineBusy()
	family := w.processes()
	c := exec.Command("sh", "-c", strings.ReplaceAll(w.command, "NAME", name))
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return f, fmt.Errorf("%w: %s", err, out)
	}
	for _, file := range w.arrive {
		if err := waitFor(strings.ReplaceAll(file, "NAME", name)); err != nil {
			return f, err
		}
	}
	f = figures{Round: round, Work: w.work, Way: w.name, Wall: time.Since(began).Seconds()}
	busy = machineBusy() - busy
	w.settle(family)
	f.Sender = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	f.Receiver = (w.cpu() - receivers).Seconds()
	f.Others = max(busy.Seconds()-f.Sender-f.Receiver, 0) / f.Wall / float64(runtime.NumCPU())
	return f, nil
}

// arrivalTime is how long a file may take to arrive once its sender is done.
const arrivalTime = 5 * time.Minute

func waitFor(path string) error {
	for until := time.Now().Add(arrivalTime); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil || time.Now().After(until) {
			return err
		}
	}
}

func (r *record) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// loadAll reads records of the same work as one.
func loadAll(paths []string) (*record, error) {
	var all *record
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		r := &record{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch {
		case all == nil:
			all = r
		case r.Size != all.Size || r.Files != all.Files:
			return nil, fmt.Errorf("%s: of other files than those before", path)
		default:
			all.add(r)
		}
	}
	return all, nil
}

// add takes the rounds of a later record for further ones. Where it was made, by what, and
// what was left out there is told beside what the earlier ones say.
func (r *record) add(later *record) {
	before := r.rounds()
	for _, f := range later.Runs {
		f.Round += before
		r.Runs = append(r.Runs, f)
	}
	r.Machine, r.Version = and(r.Machine, later.Machine), and(r.Version, later.Version)
	r.Date = later.Date
	for _, line := range later.Skipped {
		if !slices.Contains(r.Skipped, line) {
			r.Skipped = append(r.Skipped, line)
		}
	}
}

// and names one more thing, unless it is named already.
func and(named, another string) string {
	if slices.Contains(strings.Split(named, "; "), another) {
		return named
	}
	return named + "; " + another
}

func (r *record) rounds() (n int) {
	for _, f := range r.Runs {
		n = max(n, f.Round+1)
	}
	return n
}
