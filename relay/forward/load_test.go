package forward

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/drop/store"
	"relay/relay/transfer"
)

// A courier takes one file, until the receiver is known to take many small ones in a request;
// then as many as there may be, but large ones, and those that a connection broke over, still by
// themselves. What is to wait stays in the line, in its order.
func TestLoadsOfCouriers(t *testing.T) {
	f := New(config.Drop{Forwards: []config.Forward{{To: "http://a/"}}}, zerolog.Nop())
	r := f.routes[0]
	now := time.Now()
	line := func(names ...string) {
		r.line = nil
		for _, name := range names {
			one := &file{path: name, queued: true, legs: []leg{{state: waiting}}}
			switch name[0] {
			case 'L':
				one.look.version.Size = transfer.TogetherBytes + 1
			case 'a':
				one.legs[0].alone = true
			case 'w':
				one.legs[0].next = now.Add(time.Hour)
			case 'd':
				one.legs[0].state = failed // by hand
			}
			f.files[name] = one
			r.line = append(r.line, one)
		}
	}
	next := func() string {
		var names []string
		for _, p := range f.nextLoad(0, now) {
			names = append(names, p.path)
			if one := f.files[p.path]; one.legs[0].state != carried || one.reports != 1 {
				t.Errorf("%s is not on its way", p.path)
			}
		}
		return strings.Join(names, " ")
	}
	all := []string{"1", "w", "2", "L", "3", "a", "d", "4"}
	for together, want := range map[bool][]string{
		false: {"1", "2", "L", "3", "a", "4", ""},
		true:  {"1 2 3 4", "L", "a", ""},
	} {
		r.together.Store(together)
		line(all...)
		var got []string
		for range want {
			got = append(got, next())
		}
		if !slices.Equal(got, want) {
			t.Errorf("together %v: %q, want %q", together, got, want)
		}
		if len(r.line) != 1 || r.line[0].path != "w" {
			t.Errorf("%d files are left", len(r.line))
		}
	}
	var many []string
	for i := range transfer.TogetherMost + 1 {
		many = append(many, fmt.Sprint(i))
	}
	line(many...)
	r.together.Store(true)
	if got := next(); got != strings.Join(many[:transfer.TogetherMost], " ") || next() != many[transfer.TogetherMost] {
		t.Errorf("of one more than a courier can use, it got %q", got)
	}
}

// A file that a connection broke over, with others, goes by itself until it is another file.
func TestBlameLasts(t *testing.T) {
	f := New(config.Drop{Forwards: []config.Forward{{To: "http://a/", Parallel: 1, Retry: time.Minute}}}, zerolog.Nop())
	one := &file{path: "x", queued: true, legs: []leg{{state: carried}}}
	f.files["x"] = one
	for _, alone := range []bool{true, false} {
		one.reports, f.routes[0].busy = 1, 1
		f.report(back{files: []result{{parcel: parcel{path: "x"}, alone: alone, err: errors.New("broken")}}})
		if !one.legs[0].alone || one.legs[0].state != waiting {
			t.Errorf("after one that broke alone (%v): %+v", !alone, one.legs[0])
		}
	}
}

// A file that is refused again and again, with others, goes by itself.
func TestRefusedTogether(t *testing.T) {
	f := New(config.Drop{Forwards: []config.Forward{{To: "http://a/", Parallel: 1, Retry: time.Minute}}}, zerolog.Nop())
	one := &file{path: "x", queued: true, legs: []leg{{state: carried}}}
	f.files["x"] = one
	for try := 1; try <= triesTogether; try++ {
		one.reports, f.routes[0].busy = 1, 1
		f.report(back{files: []result{{parcel: parcel{path: "x"}, err: refusedBy(t, http.StatusServiceUnavailable)}}})
		if one.legs[0].alone != (try == triesTogether) {
			t.Errorf("after %d tries: %+v", try, one.legs[0])
		}
	}
}

// refusedBy is the error of a file that a server has refused with a status.
func refusedBy(t *testing.T, status int) error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := transfer.NewCourier(context.Background(), server.URL, transfer.IDs{}, transfer.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Rest()
	_, err = c.Carry(transfer.Parcel{Path: path, Name: "x", Stands: func() bool { return true }})
	if !transfer.Answered(err) {
		t.Fatal(err)
	}
	return err
}

// What somebody has written into the attribute that has the ids goes nowhere.
func TestViaIsIDs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"0123456789abcdef,fe":         "0123456789abcdef,fe",
		"0a\r\nDELETE / HTTP/1.1\r\n": "",
		"ids":                         "",
	} {
		if err := unix.Setxattr(path, store.Via, []byte(text), 0); err != nil {
			t.Skip(err)
		}
		if got := cameThrough(dir, "x"); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}
