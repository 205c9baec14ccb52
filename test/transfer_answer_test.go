package test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// mute is a proxy that loses the first answers to what small files are put with.
func mute(t testing.TB, target string, answers int, lost func(int)) *peer.Mute {
	t.Helper()
	m, err := peer.NewMute(target, "PUT ", answers, lost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// conflicting is an edit of a drop that says what becomes of a second file of a name.
func conflicting(with string) func(*harness.Config, harness.Table) {
	return func(c *harness.Config, d harness.Table) {
		writable(c, d)
		d["on_conflict"] = with
	}
}

// A small file whose answer was lost is sent again, and is there once, whatever the drop
// does with two files of a name.
func TestSendLostAnswer(t *testing.T) {
	t.Parallel()
	for _, with := range []string{"keep_both", "fail", "replace"} {
		t.Run(with, func(t *testing.T) {
			t.Parallel()
			r := startDrop(t, conflicting(with))
			m := mute(t, r.Address(t, "files"), 2, nil)
			from := t.TempDir()
			for _, name := range []string{"a", "b", "c", "empty"} {
				content := bytesOf(uint64(name[0]), 5000)
				if name == "empty" {
					content = nil
				}
				plantFile(t, filepath.Join(from, name), content, 0o644, time.Unix(7, 0))
			}
			o := harness.Run(t, "send", "-rf", "-j1", stateFlag(t), from+"/", "http://"+m.Address+"/")
			if o.Code != 0 || m.Lost() != 2 {
				t.Errorf("exit code %d, %d answers lost\n%s", o.Code, m.Lost(), o.Stderr)
			}
			sameTree(t, r.dir, from)
			for name := range snapshotFiles(from) {
				wantArrivedOnce(t, r.Relay, name)
			}
		})
	}
}

// The same, with a receiver that is killed before it can answer, and with a reader that
// takes the file away before it is sent again: nobody sees it twice.
func TestSendLostAnswerAndMore(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"killed", "taken"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := startDrop(t, conflicting("fail"))
			lost, goOn := make(chan struct{}), make(chan struct{})
			m := mute(t, r.Address(t, "files"), 1, func(int) { close(lost); <-goOn })
			from := filepath.Join(t.TempDir(), "a")
			plantFile(t, from, []byte("content"), 0o644, time.Unix(7, 0))
			s := begin(t, "send", "-f", stateFlag(t), from, "http://"+m.Address+"/")
			<-lost
			want := 1
			if what == "killed" {
				r.Signal(t, 9)
				r.Exit(t)
				r = startDrop(t, func(c *harness.Config, d harness.Table) {
					conflicting("fail")(c, d)
					d["directory"] = r.dir
				}).in(r.dir)
				m.Target(r.Address(t, "files"))
			} else if want = 0; os.Remove(filepath.Join(r.dir, "a")) != nil {
				t.Error("it is not there")
			}
			close(goOn)
			if code := s.wait(t); code != 0 {
				t.Errorf("exit code %d\n%s", code, s.said())
			}
			if got := snapshotFiles(r.dir); len(got) != want {
				t.Errorf("there is %v", got)
			}
		})
	}
}

// Forwards of small files, too, through two hosts of which the first keeps nothing: what it
// has sent on and deleted does not come again.
func TestForwardLostAnswer(t *testing.T) {
	t.Parallel()
	last := startDrop(t, conflicting("keep_both"))
	toLast := mute(t, last.Address(t, "files"), 3, nil)
	b := forwarding{
		dir: harness.Directory(t), listen: []string{"127.0.0.1:0"}, after: "delete", to: []string{"http://" + toLast.Address + "/"},
		edit: func(d harness.Table, _ []harness.Table) { d["on_conflict"] = "keep_both" },
	}
	rb := harness.Start(t, b.config(t))
	toB := mute(t, rb.Address(t, "out"), 3, func(int) {
		for deadline := time.Now().Add(harness.Patience); len(snapshotFiles(b.dir)) > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // B has to be through with it
		}
	})
	a := forwarding{dir: harness.Directory(t), after: "delete", to: []string{"http://" + toB.Address + "/"}}
	want := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		plantFile(t, filepath.Join(want, name), []byte(name), 0o644, time.Unix(7, 0))
		plantFile(t, filepath.Join(a.dir, name), []byte(name), 0o644, time.Unix(7, 0))
	}
	harness.Start(t, a.config(t))
	eventuallyEmpty(t, a.dir)
	eventuallyEmpty(t, b.dir)
	eventuallySame(t, last.dir, want)
	if toB.Lost() != 3 || toLast.Lost() != 3 {
		t.Errorf("%d and %d answers were lost", toB.Lost(), toLast.Lost())
	}
	for name := range snapshotFiles(want) {
		wantArrivedOnce(t, rb, name)
		wantArrivedOnce(t, last.Relay, name)
	}
}

// Who sends a file again under its id is answered as before; a file whose content is
// another has another id, and an id that is none is refused.
func TestTransferIDs(t *testing.T) {
	t.Parallel()
	r := startDrop(t, conflicting("keep_both"))
	id := "X-Relay-Transfer: " + strings.Repeat("0a", 16)
	first := r.send(t, "/sub/a", []byte("one"), id)
	first.want(t, 201, []byte{})
	again := r.send(t, "/sub/a", []byte("one"), id)
	again.want(t, 201, []byte{})
	if again.Header.Get("Location") != "/sub/a" || again.Header.Get("Etag") != first.Header.Get("Etag") {
		t.Errorf("it is at %q with %q, was at %q", again.Header.Get("Location"), again.Header.Get("Etag"), first.Header.Get("Location"))
	}
	other := "X-Relay-Transfer: " + strings.Repeat("0b", 16)
	for range 2 { // one that has another name than it asked for is found, too
		if a := r.send(t, "/sub/a", []byte("two"), other); a.StatusCode != 201 || a.Header.Get("Location") != "/sub/a%20%281%29" {
			t.Errorf("status %d, at %q", a.StatusCode, a.Header.Get("Location"))
		}
	}
	r.send(t, "/sub/b", []byte("three"), other).want(t, 201, []byte{}) // elsewhere it is another
	for _, bad := range []string{"x", strings.Repeat("0A", 16), strings.Repeat("0a", 17)} {
		if a := r.send(t, "/bad", []byte("x"), "X-Relay-Transfer: "+bad); a.StatusCode != 400 || !bytes.Contains(a.body, []byte("X-Relay-Transfer")) {
			t.Errorf("%q: status %d, %q", bad, a.StatusCode, a.body)
		}
	}
	if a := r.send(t, "/sub/a", []byte("damaged"), id, "Repr-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"); a.StatusCode != 400 {
		t.Errorf("a repeat that came damaged: status %d", a.StatusCode)
	}
	third := []string{"X-Relay-Transfer: " + strings.Repeat("0c", 16), "Want-Repr-Digest: sha-256=1"}
	r.send(t, "/sub/c", []byte("four"), third...).want(t, 201, []byte{})
	for name, a := range map[string]answer{ // a sender that errs is not told that they are stored
		"another size":   r.send(t, "/sub/a", []byte("another"), id),
		"another digest": r.send(t, "/sub/c", []byte("five"), third...),
	} {
		if a.StatusCode != 409 || !bytes.Contains(a.body, []byte("X-Relay-Transfer")) {
			t.Errorf("%s under the same id: status %d, %q", name, a.StatusCode, a.body)
		}
	}
	if got := snapshotFiles(r.dir); len(got) != 4 {
		t.Errorf("there is %v", got)
	}
}

// A token that is wrong ends a sending with one line.
func TestSendWrongToken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	reader := newToken(t, file, "reader", "read,list", "/")
	newToken(t, file, "writer", "write", "/")
	r := startDrop(t, func(c *harness.Config, d harness.Table) {
		writable(c, d)
		d["tokens_file"] = file
	})
	from := t.TempDir()
	plant(t, from, 300)
	for token, says := range map[string]string{"wrong": "401", reader: "403"} {
		path := filepath.Join(t.TempDir(), "token")
		plantFile(t, path, []byte(token), 0o600, time.Now())
		o := harness.Run(t, "send", "-r", "--token-file", path, stateFlag(t), from+"/", "http://"+r.Address(t, "files")+"/")
		if o.Code != 1 || strings.Count(o.Stderr, "\n") != 1 || !strings.Contains(o.Stderr, says) || !strings.Contains(o.Stderr, "token") {
			t.Errorf("%s: exit code %d\n%s", says, o.Code, o.Stderr)
		}
	}
	if got := snapshotFiles(r.dir); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
}
