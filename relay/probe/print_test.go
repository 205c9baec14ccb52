package probe

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

var some = Findings{
	{Group: "kernel", Check: "release", Level: OK, Value: "Linux 6.12", Why: "needed"},
	{Group: "pipes", Check: "pipe size", Level: Warning, Value: "64 KiB of 1 MiB", Why: "few large pipes move bulk at half the cost of many small ones", Mend: "sysctl -w fs.pipe-max-size=1048576"},
	{Group: "privileges", Check: "low ports", Level: Problem, Value: "port 443", Why: "needs a capability", Mend: "AmbientCapabilities="},
}

func TestPrintAlignsAndBreaks(t *testing.T) {
	var out bytes.Buffer
	some.Print(&out, Layout{Width: 60})
	if strings.Contains(out.String(), "\x1b") {
		t.Error("coloured without being asked")
	}
	column := -1
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 60 {
			t.Errorf("%d columns: %q", n, line)
		}
		for _, value := range []string{"Linux 6.12", "64 KiB of", "port 443"} {
			at := strings.Index(line, value)
			if at < 0 {
				continue
			}
			if column >= 0 && at != column {
				t.Errorf("%q begins in column %d, others in %d", value, at, column)
			}
			column = at
		}
	}
	for _, want := range []string{"mend: sysctl", "why:  few large", "warnings: 1, problems: 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestPrintColours(t *testing.T) {
	var out bytes.Buffer
	some.Print(&out, Layout{Colour: true})
	if !strings.Contains(out.String(), "\x1b[31;1mproblem\x1b[0m") {
		t.Errorf("no red problem in\n%q", out.String())
	}
}

func TestLogIsOneLine(t *testing.T) {
	var out bytes.Buffer
	some.Log(zerolog.New(&out))
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
	for _, want := range []string{`"level":"warn"`, "low ports: port 443", `"problems":1`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
	out.Reset()
	some[:2].Log(zerolog.New(&out))
	if !strings.Contains(out.String(), `"level":"info"`) {
		t.Errorf("a warning of the machine's is not one of the server's: %s", out.String())
	}
}
