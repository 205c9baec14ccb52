package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"relay/relay/bench"
)

// Table writes everything for people.
func (d *Document) Table(out io.Writer) error {
	d.origin(out)
	for _, p := range []bench.Path{bench.FileToSocket, bench.SocketToSocket, bench.SocketToFile} {
		d.path(out, p)
	}
	d.besideArticle(out)
	d.failures(out)
	d.closing(out)
	_, err := fmt.Fprintln(out)
	return err
}

func (d *Document) origin(out io.Writer) {
	m := d.Machine
	fmt.Fprintf(out, "\nrelay %s on %s, %s, %d MiB, Linux %s, %s\n", d.Version, plural(m.CPUs, "CPU"), m.CPU, m.MemoryMiB,
		d.Kernel.Kernel, d.Date.Format("2006-01-02 15:04"))
	sink := "a process of its own on this machine"
	if d.Sink != "" {
		sink = d.Sink
	}
	fmt.Fprintf(out, "A file on %s, in the page cache, %s; the sink is %s.\n", d.FS, pagesGo(d), sink)
	fmt.Fprintf(out, "%s, interleaved: median (lowest–highest). GB are 10⁹ bytes. CPU is the exact run time of\n", plural(d.Rounds, "round"))
	fmt.Fprintf(out, "the process that moves the bytes; × is against the first line of the same size, within a round.\n")
	for _, n := range d.Notes {
		fmt.Fprintln(out, "Note:", n)
	}
}

func pagesGo(d *Document) string {
	switch d.Kernel.FilePages {
	case "by reference":
		return "whose pages this kernel sends by reference"
	case "copied":
		return "whose pages THIS KERNEL COPIES when it splices them"
	}
	return "which this kernel does not splice"
}

// path writes the tables of one path: by size, by chunk, by streams.
func (d *Document) path(out io.Writer, p bench.Path) {
	chunk, size, streams := byteSize(int64(d.Base.Chunk)), byteSize(d.Base.Bytes), plural(d.Base.Streams, "stream")
	var sizes, chunks, many []labelled
	for _, r := range d.Rows {
		if r.Path != p {
			continue
		}
		if r.Streams == d.Base.Streams && d.baseChunk(r) {
			sizes = append(sizes, labelled{r, byteSize(r.Bytes), r.Bytes})
		}
		if r.Bytes == d.Base.Bytes && r.Streams == d.Base.Streams && !baseline(r) {
			chunks = append(chunks, labelled{r, byteSize(int64(r.Chunk)), int64(r.Chunk)})
		}
		if r.Bytes == d.Base.Bytes && d.baseChunk(r) {
			many = append(many, labelled{r, plural(r.Streams, "stream"), int64(r.Streams)})
		}
	}
	group(out, fmt.Sprintf("%s, by size; chunks of %s, %s", p, chunk, streams), sizes, 1)
	group(out, fmt.Sprintf("%s, by chunk; %s, %s", p, size, streams), chunks, 2)
	group(out, fmt.Sprintf("%s, by streams; %s, chunks of %s", p, size, chunk), many, 2)
}

// labelled is a row with what the table's first column says of it.
type labelled struct {
	Row
	label string
	order int64
}

func baseline(r Row) bool {
	m, _ := bench.MethodOf(r.Method)
	return m.Bare
}

func (d *Document) baseChunk(r Row) bool { return baseline(r) || r.Chunk == d.Base.Chunk }

// group writes one table, if at least so many things would be in its first column.
func group(out io.Writer, title string, rows []labelled, least int) {
	slices.SortStableFunc(rows, func(a, b labelled) int { return cmp.Compare(a.order, b.order) })
	things := map[int64]bool{}
	for _, r := range rows {
		things[r.order] = true
	}
	if len(things) < least {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \t\tms\tGB/s\tCPU ms/GB\tuser + system\tcalls/GB\twaits/GB\tother switches/GB\tfaults/GB\ttime ×\tCPU ×")
	last := ""
	for _, r := range rows {
		head := r.label
		if head == last {
			head = ""
		}
		last = r.label
		fmt.Fprintf(t, "  %s\t%s\n", head, r.cells())
	}
	t.Flush()
}

func (r Row) cells() string {
	return strings.Join([]string{
		r.Label, r.Wall.String(), figure(r.Rate.Median), r.CPU.String(), figure(r.User) + " + " + figure(r.System),
		figure(r.Calls.Median), figure(r.Voluntary.Median), figure(r.Other.Median), figure(r.Faults.Median),
		optional(r.WallRatio), optional(r.CPURatio),
	}, "\t")
}

func optional(s *Spread) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", s.Median)
}

// besideArticle writes the published times and ours.
func (d *Document) besideArticle(out io.Writer) {
	if len(d.Article) == 0 {
		return
	}
	fmt.Fprintf(out, "\nBeside the article \"Efficient data transfer through zero copy\" (2008), elapsed ms\n")
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "  \tread+write\ttransferTo\t×\there: read+write 64 KiB\tmmap\tsendfile\tsplice\tsendfile ×")
	for _, p := range d.Article {
		quotient := "–"
		if p.HereSendMS != nil && p.HereCopyMS != nil {
			quotient = fmt.Sprintf("%.2f", *p.HereSendMS / *p.HereCopyMS)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%.2f\t%s\t%s\t%s\t%s\t%s\n", byteSize(p.Bytes), figure(p.CopyMS), figure(p.TransferMS),
			p.TransferMS/p.CopyMS, number(p.HereCopyMS), number(p.HereMappingMS), number(p.HereSendMS), number(p.HereSpliceMS), quotient)
	}
	t.Flush()
}

func number(v *float64) string {
	if v == nil {
		return "–"
	}
	return figure(*v)
}

func (d *Document) failures(out io.Writer) {
	for i, f := range d.Failures {
		if i == 0 {
			fmt.Fprintln(out, "\nFailed, and in none of the numbers above:")
		}
		when := fmt.Sprintf("round %d", f.Round)
		if f.Round == 0 {
			when = "comparing every byte"
		}
		fmt.Fprintf(out, "  %s, %s, chunk %s, %s, %s: %s\n", f.Method, byteSize(f.Bytes), byteSize(int64(f.Chunk)),
			plural(f.Streams, "stream"), when, f.Error)
	}
}

func (d *Document) closing(out io.Writer) {
	if len(d.Says) == 0 {
		return
	}
	fmt.Fprintln(out)
	for _, s := range d.Says {
		fmt.Fprintln(out, s)
	}
	if d.Lines != "" {
		fmt.Fprintf(out, "\nFor relay.toml:\n\n%s", d.Lines)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
