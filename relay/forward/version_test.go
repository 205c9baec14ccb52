package forward

import (
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/transfer"
)

func versionOf(ino uint64, size, mtime, born int64) transfer.Version {
	return transfer.Version{Ino: ino, Size: size, Mtime: mtime, Born: born}
}

// What an older program wrote is of a file that was there then, however it was made, and of
// none that was made since: an upgrade has nothing sent again, and nothing kept back.
func TestRecordsWithoutABirth(t *testing.T) {
	var r record
	const text = `{"version":{"ino":1,"size":2,"mtime":3},"sent":true,"at":"2026-01-02T03:04:05Z"}`
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	at := r.At.UnixNano()
	for _, c := range []struct {
		v    transfer.Version
		want bool
	}{
		{versionOf(1, 2, 3, at-1), true},
		{versionOf(1, 2, 3, at+1), false},
		{versionOf(1, 2, 3, 0), true},
		{versionOf(9, 2, 3, at-1), false},
		{versionOf(1, 9, 3, at-1), false},
		{versionOf(1, 2, 9, at-1), false},
	} {
		if r.of(c.v) != c.want {
			t.Errorf("the record is of %+v: not %v", c.v, c.want)
		}
	}
}

func TestRecordsWithABirth(t *testing.T) {
	r := record{Version: versionOf(1, 2, 3, 4), Sent: true, At: time.Unix(0, 1)}
	for v, want := range map[transfer.Version]bool{versionOf(1, 2, 3, 4): true, versionOf(1, 2, 3, 5): false, versionOf(1, 2, 3, 3): false} {
		if r.of(v) != want {
			t.Errorf("the record is of %+v: not %v", v, want)
		}
	}
}

// Where nothing tells files apart, they are counted.
func TestTurns(t *testing.T) {
	v, other := transfer.Version{Ino: 1}, transfer.Version{Ino: 2}
	at := time.Unix(1, 0)
	here, away := record{Version: v, At: at, Turn: 3}, record{Version: v, At: at, Turn: 3, Away: true}
	for _, c := range []struct {
		r     record
		known bool
		v     transfer.Version
		want  int
	}{
		{record{}, false, v, 0},
		{here, true, v, 3},
		{here, true, other, 4},
		{away, true, v, 4},
		{away, true, transfer.Version{Ino: 1, Born: 1}, 0},
	} {
		if got := c.r.turnOf(c.v, c.known); got != c.want {
			t.Errorf("after %+v, %+v has turn %d, want %d", c.r, c.v, got, c.want)
		}
	}
}

// sameNumber has all files have one number, and a birth or not.
func sameNumber(t *testing.T, birth bool) {
	statx = func(dir int, path string, flags, mask int, x *unix.Statx_t) error {
		err := unix.Statx(dir, path, flags, mask, x)
		x.Ino = 7
		if !birth {
			x.Mask &^= unix.STATX_BTIME
		}
		return err
	}
	t.Cleanup(func() { statx = unix.Statx })
}

// A file that takes the place of one that was sent and removed, and has its number, size and
// time, is sent as well; by the next process, too.
func TestFilesThatLookTheSame(t *testing.T) {
	for name, birth := range map[string]bool{"born": true, "birthless": false} {
		t.Run(name, func(t *testing.T) {
			sameNumber(t, birth)
			to := receive(t)
			f := start(t, to, nil)
			for _, content := range []string{"first", "other"} {
				f.plant(t, "name", content)
				to.wantNext(t, content)
				f.wantGone(t, "name")
			}
			f = f.again(t)
			f.plant(t, "name", "third")
			to.wantNext(t, "third")
			f.wantGone(t, "name")
			f.Stop()
			if seen := len(to.ids); seen != 3 {
				t.Errorf("three files went under %d ids", seen)
			}
		})
	}
}
