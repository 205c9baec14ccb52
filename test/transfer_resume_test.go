package test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

// A send that was killed goes on, whenever that was; so does one whose server was.
func TestSendAfterKills(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	from := t.TempDir()
	const size = 30_000_000
	big := filepath.Join(from, "big")
	plantFile(t, big, bytesOf(1, size), 0o640, time.Unix(1700000000, 7))
	f := flaky(t, r.Address(t, "files"), 0, 0, 1)
	args := []string{"send", "--limit-rate", "20MB", stateFlag(t), big, "http://" + f.Address + "/"}
	var sent int64
	for round := range 3 {
		c := begin(t, args...)
		sent = waitForBytes(t, f, sent+4_000_000)
		if round == 1 { // the server dies instead
			r.Signal(t, syscall.SIGKILL)
			r.Exit(t)
			next := startDrop(t, func(c *harness.Config, d harness.Table) {
				writable(c, d)
				d["directory"] = r.dir
			})
			f.Target(next.Address(t, "files"))
			sent = waitForBytes(t, f, sent+2_000_000)
		}
		c.kill(t)
		if _, err := os.Stat(filepath.Join(r.dir, "big")); err == nil {
			t.Fatal("a file that is not whole is seen")
		}
	}
	transferAll(t, args...)
	sameTree(t, r.dir, from)
	if all := f.Passed(); all > size+25_000_000 {
		t.Errorf("%d bytes went for a file of %d", all, size)
	}
}

// Standard input is sent whole, over a bad network, too; and nothing is left of one that
// fails.
func TestSendStandardInput(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	for name, size := range map[string]int{"none": 0, "short": 17, "long": 30_000_000} {
		content := bytesOf(3, size)
		f := flaky(t, r.Address(t, "files"), uint64(size), 8, 6_000_000)
		c := exec.Command(harness.Binary(), "send", "-", "http://"+f.Address+"/"+name)
		c.Stdin = bytes.NewReader(content)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if got, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s arrived as %d bytes, %v", name, len(got), err)
		}
	}
	c := exec.Command(harness.Binary(), "send", "-", "http://"+r.Address(t, "files")+"/half")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "half of it"); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("an interrupted send says that all is well")
	}
	if _, err := os.Stat(filepath.Join(r.dir, "half")); err == nil {
		t.Error("half a stream is taken for a file")
	}
}
