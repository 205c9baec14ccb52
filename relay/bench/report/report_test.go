package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"relay/relay/bench"
	"relay/relay/probe"
)

// invented is a record in which every number is known: read+write costs 300 ms of CPU a
// GB, the methods a share of it, and chunks below 1 MiB twice as much.
func invented() *bench.Record {
	plan := bench.QuickPlan()
	plan.Sizes = []int64{7e6, 1e9}
	r := &bench.Record{
		Date: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Machine: bench.Machine{CPU: "a CPU", CPUs: 2, MemoryMiB: 24},
		Kernel: probe.Report{Kernel: "6.12", FilePages: probe.ByReference}, FS: "ext4", Plan: plan,
	}
	shares := map[string]float64{"copy": 0.8, "mmap": 0.7, "sendfile": 0.39, "splice": 0.4, "read+write 64 KiB": 1, "read+write 1 MiB": 0.9}
	for _, c := range plan.Cases() {
		m, _ := bench.MethodOf(c.Method)
		x := bench.Result{Case: c}
		for round := range plan.Rounds {
			slow := []float64{1, 3, 1.5}[round] // the second round is disturbed
			cpu := 300 * shares[m.Label] * slow * float64(c.Bytes) / 1e9
			if c.Chunk < 1<<20 && m.Buffer == 0 {
				cpu *= 2
			}
			d := time.Duration(cpu * float64(time.Millisecond))
			x.Rounds = append(x.Rounds, bench.Usage{Wall: d * 2, CPU: d, User: d / 4, System: d - d/4, Calls: 1000, Voluntary: 5, Other: 1, Faults: 3})
		}
		r.Results = append(r.Results, x)
	}
	r.Failures = []bench.Failure{{Case: plan.Cases()[0], Round: 2, Error: "1 of 7000000 bytes were lost"}}
	r.Notes = []string{"something was left out"}
	return r
}

func TestNumbers(t *testing.T) {
	d := New(invented(), "v1")
	r := d.atBase("send/splice", 1e9)
	if r == nil {
		t.Fatal("no row")
	}
	near := func(what string, got, want float64) {
		if got < want*0.999 || got > want*1.001 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("CPU", r.CPU.Median, 300*0.4*1.5)
	near("lowest CPU", r.CPU.Low, 300*0.4)
	near("highest CPU", r.CPU.High, 300*0.4*3)
	near("user", r.User, 300*0.4*1.5/4)
	near("user and system", r.User+r.System, r.CPU.Median)
	near("rate", r.Rate.Median, 1/(2*0.3*0.4*1.5))
	near("the ratio within a round", r.CPURatio.High, 0.4)
	near("the ratio within a round", r.WallRatio.Low, 0.4)
	if base := d.atBase("send/read+write-64KiB", 1e9); base.CPURatio != nil {
		t.Error("the baseline is held against itself")
	}
}

func TestJSONComesBackTheSame(t *testing.T) {
	d := New(invented(), "v1")
	var out bytes.Buffer
	if err := d.JSON(&out); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&out)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(d, again) {
		t.Errorf("%+v\nis not\n%+v", again, d)
	}
}

func TestCSVHasALineForEachRow(t *testing.T) {
	d := New(invented(), "v1")
	var out bytes.Buffer
	if err := d.CSV(&out); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != len(d.Rows)+1 {
		t.Errorf("%d lines for %d rows", len(lines), len(d.Rows))
	}
	if got := strings.Join(lines[1][:6], " "); got != "file → socket send/read+write-64KiB 7000000 65536 1 3" {
		t.Errorf("the first line begins %q", got)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := New(invented(), "v1").Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"file → socket, by size", "socket → socket, by chunk", "socket → file, by streams",
		"8 streams", "64 KiB", "18399", "were lost", "something was left out", `transfer = "splice"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestAdvice(t *testing.T) {
	d := New(invented(), "v1")
	want := "[engine]\nsplice_chunk = \"1MiB\"\npipe_size = \"1MiB\"\n\n[[drop]]\n# … name, listen and directory as they are\ntransfer = \"splice\"\n"
	if d.Lines != want {
		t.Errorf("lines\n%s\nwant\n%s", d.Lines, want)
	}
	if says := strings.Join(d.Says, "\n"); !strings.Contains(says, "splice takes 40 % of the time and 40 % of the CPU") {
		t.Errorf("says\n%s", says)
	}
	r := invented()
	r.Kernel.FilePages = probe.Copied
	if says := strings.Join(New(r, "v1").Says, "\n"); !strings.Contains(says, "cannot pay") {
		t.Errorf("copied pages are not mentioned in\n%s", says)
	}
}

func TestArticleIsBesideItsSizes(t *testing.T) {
	d := New(invented(), "v1")
	if len(d.Article) != 2 || d.Article[1].CopyMS != 18399 || d.Article[1].TransferMS != 8537 || d.Article[1].HereSendMS == nil {
		t.Errorf("%+v", d.Article)
	}
}

func TestSVGIsXMLWithABarForEachMethod(t *testing.T) {
	var out bytes.Buffer
	if err := New(invented(), "v1").SVG(&out); err != nil {
		t.Fatal(err)
	}
	bars, x := 0, xml.NewDecoder(&out)
	for {
		token, err := x.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if want := len(bench.Methods)*len(measures) + 1; bars != want {
		t.Errorf("%d rectangles, want %d", bars, want)
	}
}

func TestNothingMeasured(t *testing.T) {
	r := &bench.Record{Plan: bench.QuickPlan()}
	d := New(r, "v1")
	for _, write := range []func(io.Writer) error{d.Table, d.JSON, d.CSV, d.SVG} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}
