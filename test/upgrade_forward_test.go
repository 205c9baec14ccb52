package test

import (
	"fmt"
	"testing"

	"relay/test/harness"
)

// While files arrive and are forwarded, the program is upgraded several times, on the
// host that forwards and on the one that receives: each file goes on once, and whole.
func TestUpgradeOfForwards(t *testing.T) {
	t.Parallel()
	rounds := 4
	if harness.Full {
		rounds = 40
	} else if testing.Short() {
		rounds = 2
	}
	to := startDrop(t, conflicting("keep_both"))
	link := gateTo(t, to.Address(t, "files"))
	f := forwarding{dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}, after: "delete", to: []string{"http://" + link.Address + "/"}}
	from := &dropRig{Relay: harness.Start(t, f.config(t)), dir: f.dir}
	want := map[string][]byte{}
	for round := range rounds {
		body := func(name string, size int) []byte {
			name = fmt.Sprintf("%d-%s", round, name)
			want[name] = bytesOf(uint64(len(want)), size)
			return want[name]
		}
		path := func(name string) string { return fmt.Sprintf("/%d-%s", round, name) }
		send := func(name string, size int) {
			c := from.clientOf(t, "out")
			defer c.Close()
			c.send(t, path(name), body(name, size)).want(t, 201, []byte{})
		}

		// One is on its way, one arrives and others are there when the upgrade comes.
		link.Hold()
		send("large", 3<<20)
		harness.Eventually(t, "it is on its way", func() (bool, any) { return link.Waiting() > 0, link.Waiting() })
		send("small", 100)
		send("empty", 0)
		half := body("half", 2<<20)
		c := from.clientOf(t, "out")
		c.say(t, put(path("half"), len(half)))
		if _, err := c.Write(half[:len(half)/2]); err != nil {
			t.Fatal(err)
		}
		[]*harness.Relay{from.Relay, to.Relay}[round%2].Upgrade(t)
		send("between", 200_000)
		if _, err := c.Write(half[len(half)/2:]); err != nil {
			t.Fatal(err)
		}
		c.hear(t, "PUT").want(t, 201, []byte{})
		c.Close()
		link.Release()
		send("after", 1<<20)
	}
	eventuallyEmpty(t, f.dir)
	for name, content := range want {
		to.fetch(t, "/"+name).want(t, 200, content)
	}
	if got := snapshotFiles(to.dir); len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), got)
	}
}
