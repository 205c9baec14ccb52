package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
)

// outcast is a drop "out" that forwards, and gives up what is dropped from its queue.
type outcast struct {
	*harness.Relay
	dir    string
	config *harness.Config
}

func (o outcast) queue(t testing.TB, args ...string) string {
	t.Helper()
	return queue(t, o.config, args...)
}

// eventually waits until the queue is one file in a state, or empty with "".
func (o outcast) eventually(t testing.TB, path, state string) {
	t.Helper()
	harness.Eventually(t, "the queue is "+path+" "+state, func() (bool, any) {
		var items []struct{ Path, State, Error string }
		err := json.Unmarshal([]byte(o.queue(t, "list", "--json")), &items)
		if err != nil || state == "" || len(items) == 0 {
			return err == nil && state == "" && len(items) == 0, items
		}
		return len(items) == 1 && items[0].Path == path && items[0].State == state && (state != "failed" || items[0].Error == "dropped by hand"), items
	})
}

// wantFailed waits until a file is among those that were given up, because it was dropped.
func (o outcast) wantFailed(t testing.TB, name string) {
	t.Helper()
	o.eventually(t, name, "failed")
	harness.Eventually(t, name+" is among those that failed", func() (bool, any) {
		reason, _ := os.ReadFile(filepath.Join(o.dir, "failed", name+".reason"))
		left := snapshotFiles(o.dir)
		return len(left) == 2 && left["failed/"+name] != "" && strings.Contains(string(reason), "dropped by hand"), left
	})
}

// A file that is dropped from the queue while it arrives is forgotten by the next drop, and
// given up when it is there; a retry brings it back.
func TestQueueDropOfWhatArrives(t *testing.T) {
	t.Parallel()
	h := startHop(t, startDrop(t, writable), func(d, forward harness.Table) {
		forward["after"], d["rescan"] = "delete", "200ms"
	})
	o := outcast{h.Relay, h.dir, h.config}
	body := bytesOf(5, aheadSize)
	c := h.began(t, "big", body, aheadSize/2)
	if said := o.queue(t, "drop", "out", "big"); said != "1 dropped\n" {
		t.Errorf("%q", said)
	}
	o.eventually(t, "", "")
	h.wantForgotten(t)
	if _, err := c.Write(body[aheadSize/2:]); err != nil {
		t.Fatal(err)
	}
	c.hear(t, "PUT").want(t, 201, []byte{})
	o.wantFailed(t, "big")
	h.wantForgotten(t)
	o.queue(t, "retry", "out", "big")
	eventuallyEmpty(t, h.dir)
	h.next.fetch(t, "/big").want(t, 200, body)
	wantArrivedOnce(t, h.next.Relay, "big")
}

// One that a local program writes is given up when it is complete, under whatever name;
// another of its name is not.
func TestQueueDropOfWhatSettles(t *testing.T) {
	t.Parallel()
	to := startDrop(t, writable)
	f := forwarding{
		dir: harness.Directory(t), after: "delete", to: []string{"http://" + to.Address(t, "files") + "/"},
		edit: func(d harness.Table, _ []harness.Table) { d["settle"], d["rescan"] = "1h", "200ms" },
	}
	c := f.config(t)
	o := outcast{harness.Start(t, c), f.dir, c}
	o.Message(t, "forwarding")
	path := filepath.Join(f.dir, "half")
	plantFile(t, path, []byte("half"), 0o644, time.Now())
	o.eventually(t, "half", "settling")
	if said := o.queue(t, "drop", "out", "half"); said != "1 dropped\n" {
		t.Errorf("%q", said)
	}
	o.eventually(t, "", "")
	plantFile(t, path, []byte("all of it"), 0o644, time.Now())
	if err := os.Rename(path, filepath.Join(f.dir, "whole")); err != nil {
		t.Fatal(err)
	}
	o.wantFailed(t, "whole")
	if got := snapshotFiles(to.dir); len(got) != 0 {
		t.Errorf("there is %v", got)
	}

	plantFile(t, path, []byte("wanted"), 0o644, time.Now())
	harness.Eventually(t, "the new one is seen", func() (bool, any) {
		list := o.queue(t, "list")
		return strings.Contains(list, "settling"), list
	})
	o.queue(t, "drop", "out", "half")
	if said := o.queue(t, "retry", "out", "half"); said != "1 tried again\n" {
		t.Errorf("%q", said)
	}
	if err := os.Rename(path, filepath.Join(f.dir, "wanted")); err != nil {
		t.Fatal(err)
	}
	to.Line(t, "the one that is wanted", func(l harness.Line) bool { return l.Message == "arrived" && l.Field("file") == "wanted" })
}
