package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestOnlyOurPartIsReplaced(t *testing.T) {
	first := replacePart("# Results\n\nother numbers\n", "one\n")
	if !strings.HasPrefix(first, "# Results\n\nother numbers\n\n"+beginMark+"\none\n"+endMark) {
		t.Errorf("%q", first)
	}
	second := replacePart(first+"\nmore\n", "two\n")
	if strings.Contains(second, "one") || !strings.Contains(second, "two") || !strings.Contains(second, "other numbers") || !strings.HasSuffix(second, "\nmore\n") {
		t.Errorf("%q", second)
	}
}

func TestMedianAndSpread(t *testing.T) {
	rounds := []map[string]reading{{bare: {cpu: 3}}, {bare: {cpu: 1}}, {bare: {cpu: 2}}}
	if got := over(rounds, func(r map[string]reading) float64 { return r[bare].cpu }, "%.0f"); got != "2 (1–3)" {
		t.Error(got)
	}
}

func TestTheLoopIsCompiled(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	l, err := buildLoop(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.command[0]); err != nil || !strings.Contains(l.what, "in C") {
		t.Error(l, err)
	}
}
