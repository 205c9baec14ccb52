package report

import (
	"encoding/csv"
	"io"
	"strconv"
)

// columns are those of the CSV, each with its value.
var columns = []struct {
	name  string
	value func(r *Row) any
}{
	{"path", func(r *Row) any { return string(r.Path) }},
	{"method", func(r *Row) any { return r.Method }},
	{"bytes", func(r *Row) any { return float64(r.Bytes) }},
	{"chunk", func(r *Row) any { return float64(r.Chunk) }},
	{"streams", func(r *Row) any { return float64(r.Streams) }},
	{"rounds", func(r *Row) any { return float64(r.Rounds) }},
	{"wall_ms", func(r *Row) any { return r.Wall.Median }},
	{"wall_ms_low", func(r *Row) any { return r.Wall.Low }},
	{"wall_ms_high", func(r *Row) any { return r.Wall.High }},
	{"gb_per_s", func(r *Row) any { return r.Rate.Median }},
	{"cpu_ms_per_gb", func(r *Row) any { return r.CPU.Median }},
	{"cpu_ms_per_gb_low", func(r *Row) any { return r.CPU.Low }},
	{"cpu_ms_per_gb_high", func(r *Row) any { return r.CPU.High }},
	{"user_ms_per_gb", func(r *Row) any { return r.User }},
	{"system_ms_per_gb", func(r *Row) any { return r.System }},
	{"syscalls_per_gb", func(r *Row) any { return r.Calls.Median }},
	{"voluntary_switches_per_gb", func(r *Row) any { return r.Voluntary.Median }},
	{"other_switches_per_gb", func(r *Row) any { return r.Other.Median }},
	{"page_faults_per_gb", func(r *Row) any { return r.Faults.Median }},
	{"wall_to_baseline", func(r *Row) any { return medianOf(r.WallRatio) }},
	{"cpu_to_baseline", func(r *Row) any { return medianOf(r.CPURatio) }},
}

func medianOf(s *Spread) any {
	if s == nil {
		return ""
	}
	return s.Median
}

// CSV writes a line for each setting, below a line with the names of the columns.
func (d *Document) CSV(out io.Writer) error {
	w := csv.NewWriter(out)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.name
	}
	_ = w.Write(line) // the error stays, and Error returns it
	for i := range d.Rows {
		for k, c := range columns {
			switch v := c.value(&d.Rows[i]).(type) {
			case string:
				line[k] = v
			case float64:
				line[k] = strconv.FormatFloat(v, 'f', -1, 64)
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return w.Error()
}
