package probe

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// What this machine can do is not asserted; that the probe finds an answer and leaves
// nothing behind is.
func TestRunAnswersAndLeavesNothing(t *testing.T) {
	before := descriptors(t)
	r := Run()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open after the probe, %d before", after, before)
	}
	if r.Kernel == "" || r.PipeMax == 0 {
		t.Errorf("no kernel or pipe limit in %+v", r)
	}
	if r.SpliceFiles && r.FilePages == Unknown {
		t.Errorf("files are spliced, but how is unknown: %+v", r)
	}
	var line bytes.Buffer
	r.Log(zerolog.New(&line))
	if !strings.Contains(line.String(), r.Kernel) {
		t.Errorf("the log line does not name the kernel: %s", line.String())
	}
	t.Logf("%+v", r)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestCopiedPagesAreWarnedOf(t *testing.T) {
	for _, c := range []struct {
		report Report
		warns  bool
	}{
		{Report{SpliceSockets: true, SpliceFiles: true, FilePages: ByReference}, false},
		{Report{SpliceSockets: true, SpliceFiles: true, FilePages: Copied}, true},
		{Report{SpliceSockets: false}, true},
	} {
		var text bytes.Buffer
		c.report.Log(zerolog.New(&text))
		if got := strings.Contains(text.String(), `"warn"`); got != c.warns {
			t.Errorf("%+v: warned %v, want %v", c.report, got, c.warns)
		}
	}
}
