package test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"relay/test/harness"
)

// On three hosts in a row, with a link between them that is shaped, what lands on the
// first is on the last with every byte, mode and time.
func TestForwardThreeHosts(t *testing.T) {
	t.Parallel()
	large, small, rate, patience := 64<<20, 500, "400mbit", 3*harness.Patience
	if harness.Full {
		large, small, rate, patience = 1_000_000_000, 20_000, "1gbit", 5*time.Minute
	} else if testing.Short() {
		large, small = 16<<20, 100
	}
	n := threeHosts(t)
	shape := "tc qdisc add dev c1 root tbf rate " + rate + " burst 256kb latency 50ms"
	if out, err := n.run(t, n.client, shape); err != nil {
		t.Skipf("this kernel does not shape: %s: %v: %s", shape, err, out)
	}
	on := func(host *harness.Namespace, f forwarding) *harness.Relay {
		f.edit = func(d harness.Table, _ []harness.Table) { d["open"] = true } // there are no other hosts
		return harness.Start(t, f.config(t), harness.Options{Namespace: host})
	}
	c := forwarding{dir: harness.Directory(t), listen: []string{"10.71.2.2:0"}}
	last := on(n.backend, c)
	b := forwarding{dir: harness.Directory(t), listen: []string{"10.71.1.1:0"}, after: "delete", to: []string{"http://" + last.Address(t, "out") + "/"}}
	middle := on(n.relay, b)
	a := forwarding{dir: harness.Directory(t), to: []string{"http://" + middle.Address(t, "out") + "/"}}

	at := time.Date(2021, 2, 3, 4, 5, 6, 789_000_123, time.UTC)
	for i, size := range []int{0, 1, 4096, large} {
		plantFile(t, filepath.Join(a.dir, fmt.Sprintf("of %d bytes", size)), bytesOf(uint64(i), size), fs.FileMode(0o640|i), at.Add(-time.Duration(i)*time.Hour))
	}
	for i := range small {
		name := filepath.Join(a.dir, fmt.Sprintf("tree/%02d/%d/f%05d", i/200, i/20%10, i))
		plantFile(t, name, bytesOf(uint64(10+i), i%8192), fs.FileMode(0o600|i%0o100), at.Add(time.Duration(i)*time.Millisecond))
	}
	began := time.Now()
	on(n.client, a)
	done := func(what, dir string, want int) {
		harness.EventuallyWithin(t, patience, what, func() (bool, any) {
			got := countFiles(dir)
			return got == want, got
		})
		t.Logf("%s after %v", what, time.Since(began).Round(10*time.Millisecond))
	}
	done("all is on the last host", c.dir, small+4)
	done("nothing is left on the one between", b.dir, 0)
	eventuallySame(t, c.dir, a.dir)
}

// countFiles is how many files are seen in a tree.
func countFiles(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && e.Name()[0] == '.':
			return fs.SkipDir
		case !e.IsDir() && e.Name()[0] != '.':
			n++
		}
		return nil
	})
	return n
}
