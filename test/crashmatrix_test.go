package test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Three hosts in a row, a bad network between them, and each of them killed at random
// moments: at the end every file is there once, whole, and nothing else is.
//
// Of names that are taken both files are kept, by the last two hosts: a file that was
// published twice stands there as two.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	kills := 2 // of each host
	if harness.Full {
		kills = 50
	} else if testing.Short() {
		kills = 1
	}
	seed := seedOf(t)
	for i, after := range []string{"delete", "keep"} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			newChain(t, seed+uint64(i), after, kills).suffer(kills)
		})
	}
}

// chain is the three hosts, each a relay with a directory of its own. What lands in the
// first is forwarded to the last.
type chain struct {
	t       testing.TB
	random  *rand.Rand
	dirs    [3]string
	configs [3]*harness.Config
	links   [2]*peer.Fault
	running [3]*harness.Relay
	lives   []*harness.Relay // every process there was, in order
	want    map[string]string
	moved   bool // files leave the first two hosts
}

// cutMost is how many bytes a connection that is to be cut lives for, at most. It is also
// how many go by between two kills.
const cutMost = 3_000_000

// backlogMost is how many files are under way, at most, when others are planted.
const backlogMost = 25

func newChain(t testing.TB, seed uint64, after string, kills int) *chain {
	t.Helper()
	c := &chain{t: t, random: rand.New(rand.NewPCG(seed, 3)), want: map[string]string{}, moved: after == "delete"}
	for i := range c.dirs {
		c.dirs[i] = harness.Directory(t)
	}
	for i := range c.links {
		c.links[i] = flaky(t, "", seed+uint64(i), 20*kills, cutMost)
	}
	open := []string{"127.0.0.1:0"}
	both := func(d harness.Table, _ []harness.Table) { d["on_conflict"] = "keep_both" }
	c.configs = [3]*harness.Config{
		forwarding{dir: c.dirs[0], to: []string{"http://" + c.links[0].Address + "/"}, after: after}.config(t),
		forwarding{dir: c.dirs[1], to: []string{"http://" + c.links[1].Address + "/"}, after: after, listen: open, edit: both}.config(t),
		forwarding{dir: c.dirs[2], listen: open, edit: both}.config(t),
	}
	for i := range c.running {
		c.start(i)
	}
	return c
}

// start runs a host's program; the proxy in front of it learns where.
func (c *chain) start(i int) {
	c.t.Helper()
	r := harness.Launch(c.t, c.configs[i].String())
	r.Message(c.t, "ready")
	c.running[i], c.lives = r, append(c.lives, r)
	if i > 0 {
		c.links[i-1].Target(r.Address(c.t, "out"))
	}
}

func (c *chain) kill(i int) {
	c.t.Helper()
	c.running[i].Signal(c.t, syscall.SIGKILL)
	c.running[i].Exit(c.t)
}

// suffer kills each host so many times, in random order, while files go through.
func (c *chain) suffer(kills int) {
	t := c.t
	t.Helper()
	order := make([]int, 0, len(c.dirs)*kills)
	for i := range len(c.dirs) * kills {
		order = append(order, i%len(c.dirs))
	}
	c.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for round, victim := range order {
		harness.Eventually(t, "most has gone through", func() (bool, any) {
			left := c.left()
			return len(c.want)-left[2] < backlogMost, left
		})
		c.plant(round)
		c.links[c.random.IntN(len(c.links))].FlipPayload(1 + c.random.Int64N(cutMost))
		moment, before := c.random.Int64N(cutMost), c.passed()
		harness.Eventually(t, "some progress, or the end of it", func() (bool, any) {
			return c.passed()-before >= moment || c.through(), c.left()
		})
		c.kill(victim)
		c.start(victim)
	}
	harness.Eventually(t, "all has gone through", func() (bool, any) { return c.through(), c.left() })
	t.Logf("%d files, %d kills; %d connections cut, %d bits turned around", len(c.want), len(order),
		c.links[0].Cut()+c.links[1].Cut(), c.links[0].Flipped()+c.links[1].Flipped())
	c.check()
}

// plant has files appear on the first host, whole.
func (c *chain) plant(round int) {
	c.t.Helper()
	hidden := filepath.Join(c.dirs[0], ".relay-plant")
	large := 1_000_000 + c.random.IntN(2_000_000)
	if round%3 == 1 { // it goes on while it still arrives
		large *= 8
	}
	for i, size := range []int{0, 1, 4096, 200_000, large} {
		name := fmt.Sprintf("r%d-%d", round, i)
		content, mode, at := bytesOf(uint64(round*10+i), size), fs.FileMode(0o600+round%64), time.Unix(int64(round), int64(i))
		plantFile(c.t, hidden, content, mode, at)
		if err := os.Rename(hidden, filepath.Join(c.dirs[0], name)); err != nil {
			c.t.Fatal(err)
		}
		c.want[name] = describe(mode, at, content)
	}
}

// passed is how many bytes have gone towards the last host.
func (c *chain) passed() int64 { return c.links[0].Passed() + c.links[1].Passed() }

// left is how many files each host has.
func (c *chain) left() (n [3]int) {
	for i, dir := range c.dirs {
		entries, _ := os.ReadDir(dir) // what cannot be read shows
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".relay-") {
				n[i]++
			}
		}
	}
	return n
}

// through reports that all there is has arrived.
func (c *chain) through() bool {
	left := c.left()
	return left[2] >= len(c.want) && (!c.moved || left[0]+left[1] == 0)
}

// check looks at what is where at the end. What is left of uploads that nobody went on
// with goes when their time is over.
func (c *chain) check() {
	t := c.t
	t.Helper()
	got := snapshotFiles(c.dirs[2])
	for name, text := range c.want {
		if got[name] != text {
			t.Errorf("%s is %q, not %q:\n%s", name, got[name], text, mentions(c.lives, name))
		}
	}
	for name := range got {
		if c.want[name] == "" {
			original, _, _ := strings.Cut(name, " (")
			t.Errorf("%q should not be there:\n%s", name, mentions(c.lives, original))
		}
	}
	for i, r := range c.running {
		r.Stop(t)
		expireUploads(t, c.dirs[i])
		c.start(i)
		wantNothingLeft(t, c.dirs[i])
	}
}

// wantNothingLeft waits until nothing of uploads is beneath a directory.
func wantNothingLeft(t testing.TB, dir string) {
	t.Helper()
	harness.Eventually(t, "nothing is left over", func() (bool, any) {
		left := leftOver(dir)
		return len(left) == 0, left
	})
}

// leftOver are the files of uploads beneath a directory: of those that are under way, and
// of states.
func leftOver(dir string) (found []string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && e.Name() == ".relay-forward":
			return fs.SkipDir
		}
		name, _ := filepath.Rel(dir, path)
		if !e.IsDir() && strings.Contains(name, ".relay-") {
			found = append(found, name)
		}
		return nil
	})
	return found
}

// mentions are the log lines about a file, in the order of the lives of who wrote them.
func mentions(all []*harness.Relay, name string) string {
	var text strings.Builder
	for i, r := range all {
		for _, l := range r.Journal.Lines() {
			if strings.Contains(l.Raw, name+"\"") || strings.Contains(l.Raw, name+":") {
				fmt.Fprintf(&text, "%d: %s\n", i, l.Raw)
			}
		}
	}
	return text.String()
}
