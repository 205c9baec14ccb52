package report

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"relay/relay/bench"
	"relay/relay/probe"
)

// Document is a report in JSON. Sizes are bytes, a GB is 10⁹ of them.
type Document struct {
	Version  string       `json:"version"`
	Date     time.Time    `json:"date"`
	Machine  Machine      `json:"machine"`
	Kernel   probe.Report `json:"kernel"`
	Sink     string       `json:"sink"`
	Dir      string       `json:"directory"`
	FS       string       `json:"file_system"`
	Rounds   int          `json:"rounds"`
	Base     Base         `json:"base"`
	Rows     []Row        `json:"results"`
	Article  []Published  `json:"article"`
	Says     []string     `json:"sentences"`
	Lines    string       `json:"relay_toml"`
	Notes    []string     `json:"notes"`
	Failures []Failure    `json:"failures"`
}

// Machine is where the numbers come from.
type Machine struct {
	CPU       string `json:"cpu"`
	CPUs      int    `json:"cpus"`
	MemoryMiB uint64 `json:"memory_mib"`
	Go        string `json:"go"`
}

// Base is what stays the same while something else is varied.
type Base struct {
	Bytes   int64 `json:"bytes"`
	Chunk   int   `json:"chunk"`
	Streams int   `json:"streams"`
}

// Setting is what was measured.
type Setting struct {
	Path    bench.Path `json:"path"`
	Method  string     `json:"method"`
	Label   string     `json:"label"`
	Bytes   int64      `json:"bytes"`
	Chunk   int        `json:"chunk"`
	Streams int        `json:"streams"`
}

// Row is what came out of it. User and System are all rounds taken together.
type Row struct {
	Setting
	Rounds    int     `json:"rounds"`
	Wall      Spread  `json:"wall_ms"`
	Rate      Spread  `json:"gb_per_s"`
	CPU       Spread  `json:"cpu_ms_per_gb"`
	User      float64 `json:"user_ms_per_gb"`
	System    float64 `json:"system_ms_per_gb"`
	Calls     Spread  `json:"syscalls_per_gb"`
	Voluntary Spread  `json:"voluntary_switches_per_gb"`
	Other     Spread  `json:"other_switches_per_gb"`
	Faults    Spread  `json:"page_faults_per_gb"`
	// Against the first baseline of the path with the same size and streams, if it was
	// measured: less than 1 is less.
	WallRatio *Spread `json:"wall_to_baseline,omitempty"`
	CPURatio  *Spread `json:"cpu_to_baseline,omitempty"`
}

// Failure is a measurement without numbers.
type Failure struct {
	Setting
	Round int    `json:"round"` // 0: when every byte was compared
	Error string `json:"error"`
}

// New makes the report of a record.
func New(r *bench.Record, version string) *Document {
	d := &Document{
		Version: version, Date: r.Date, Kernel: r.Kernel, Sink: r.Sink, Dir: r.Dir, FS: r.FS,
		Machine: Machine{r.Machine.CPU, r.Machine.CPUs, r.Machine.MemoryMiB, runtime.Version()},
		Rounds:  r.Plan.Rounds,
		Base:    Base{r.Plan.BaseSize(), r.Plan.BaseChunk(), r.Plan.BaseStreams()},
		Rows:    []Row{}, Notes: append([]string{}, r.Notes...), Failures: []Failure{}, Says: []string{},
	}
	for i := range r.Results {
		d.Rows = append(d.Rows, row(r, &r.Results[i]))
	}
	for _, f := range r.Failures {
		d.Failures = append(d.Failures, Failure{setting(f.Case), f.Round, f.Error})
	}
	if largest := slices.Max(append([]int{0}, r.Plan.Chunks...)); largest > d.pipeMost() {
		d.Notes = append(d.Notes, fmt.Sprintf("fs.pipe-max-size grants this user pipes of %s: what is spliced in larger chunks goes in parts of that",
			byteSize(int64(d.pipeMost()))))
	}
	d.Article = beside(d)
	d.advise()
	return d
}

func setting(c bench.Case) Setting {
	m, _ := bench.MethodOf(c.Method)
	return Setting{Path: m.Path, Method: m.Key, Label: m.Label, Bytes: c.Bytes, Chunk: c.Chunk, Streams: c.Streams}
}

func row(r *bench.Record, x *bench.Result) Row {
	gb := float64(x.Bytes) / 1e9
	each := func(of func(bench.Usage) float64) Spread {
		values := make([]float64, len(x.Rounds))
		for i, u := range x.Rounds {
			values[i] = of(u)
		}
		return spreadOf(values)
	}
	out := Row{
		Setting:   setting(x.Case),
		Rounds:    len(x.Rounds),
		Wall:      each(wall),
		Rate:      each(func(u bench.Usage) float64 { return gb / u.Wall.Seconds() }),
		CPU:       each(func(u bench.Usage) float64 { return cpu(u) / gb }),
		Calls:     each(func(u bench.Usage) float64 { return float64(u.Calls) / gb }),
		Voluntary: each(func(u bench.Usage) float64 { return float64(u.Voluntary) / gb }),
		Other:     each(func(u bench.Usage) float64 { return float64(u.Other) / gb }),
		Faults:    each(func(u bench.Usage) float64 { return float64(u.Faults) / gb }),
	}
	var user, all time.Duration
	for _, u := range x.Rounds {
		user, all = user+u.User, all+u.CPU
	}
	share := float64(user) / float64(max(all, 1))
	out.User, out.System = out.CPU.Median*share, out.CPU.Median*(1-share) // not by subtraction: that can round to below 0
	if base := baselineOf(r, x.Case); base != nil && base.Method != x.Method {
		out.WallRatio, out.CPURatio = ratio(x, base, wall), ratio(x, base, cpu)
	}
	return out
}

func wall(u bench.Usage) float64 { return u.Wall.Seconds() * 1e3 }
func cpu(u bench.Usage) float64  { return u.CPU.Seconds() * 1e3 }

// baselineOf is what a case is held against.
func baselineOf(r *bench.Record, c bench.Case) *bench.Result {
	m, _ := bench.MethodOf(c.Method)
	base, _ := bench.MethodOf(bench.Baseline(m.Path))
	return r.Find(bench.Case{Method: base.Key, Bytes: c.Bytes, Chunk: base.Buffer, Streams: c.Streams})
}

// ratio is formed round by round, so that what slowed a whole round down cancels out;
// if rounds are missing it is that of the medians.
func ratio(a, b *bench.Result, of func(bench.Usage) float64) *Spread {
	var as, bs, ratios []float64
	for i := range a.Rounds {
		as = append(as, of(a.Rounds[i]))
		if len(a.Rounds) == len(b.Rounds) {
			ratios = append(ratios, of(a.Rounds[i])/of(b.Rounds[i]))
		}
	}
	for i := range b.Rounds {
		bs = append(bs, of(b.Rounds[i]))
	}
	if ratios == nil {
		ratios = []float64{spreadOf(as).Median / spreadOf(bs).Median}
	}
	s := spreadOf(ratios)
	return &s
}

// JSON writes the document.
func (d *Document) JSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// Read reads a document that JSON has written.
func Read(in io.Reader) (*Document, error) {
	d := new(Document)
	if err := json.NewDecoder(in).Decode(d); err != nil {
		return nil, fmt.Errorf("a report of relay bench: %w", err)
	}
	return d, nil
}

// find is the row of a method in a setting, or nil. A chunk of 0 stands for any.
func (d *Document) find(method string, bytes int64, chunk, streams int) *Row {
	for i := range d.Rows {
		r := &d.Rows[i]
		if r.Method == method && r.Bytes == bytes && r.Streams == streams && (chunk == 0 || r.Chunk == chunk) {
			return r
		}
	}
	return nil
}

// atBase is the row of a method with this many bytes and everything else at its base.
func (d *Document) atBase(method string, bytes int64) *Row {
	m, _ := bench.MethodOf(method)
	chunk := d.Base.Chunk
	if m.Buffer > 0 {
		chunk = m.Buffer
	}
	return d.find(method, bytes, chunk, d.Base.Streams)
}

// largest is the largest size that was measured over a path.
func (d *Document) largest(p bench.Path) (most int64) {
	for i := range d.Rows {
		if d.Rows[i].Path == p {
			most = max(most, d.Rows[i].Bytes)
		}
	}
	return most
}
