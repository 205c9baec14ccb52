package handover

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/flow"
	"relay/relay/proxy"
)

// ends are both ends of a connection.
func ends(t *testing.T) (a, b *conn) {
	t.Helper()
	a, f, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err = newConn(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// A message arrives as it was sent, and its descriptors are the same files.
func TestMessagesArrive(t *testing.T) {
	a, b := ends(t)
	var pipes [2]int
	if err := unix.Pipe2(pipes[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipes[0])
	defer unix.Close(pipes[1])
	for range 2 {
		if err := a.send(ready, Ready{Program: "x", Keys: []string{"k"}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := a.send(batch, Batch{}, pipes[:]); err != nil {
			t.Fatal(err)
		}
		if err := a.send(yours, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		m, err := b.receive()
		var r Ready
		if err != nil || m.kind != ready || m.read(&r) != nil || r.Program != "x" || r.Keys[0] != "k" || len(m.fds) != 0 {
			t.Fatal(m, err, r)
		}
		if m, err = b.receive(); err != nil || m.kind != batch || len(m.fds) != 2 {
			t.Fatal(m, err)
		}
		unix.Write(m.fds[1], []byte("!"))
		var got [1]byte
		if n, _ := unix.Read(pipes[0], got[:]); n != 1 || got[0] != '!' {
			t.Errorf("the pipe that arrived is another one")
		}
		if flags, _ := unix.FcntlInt(uintptr(m.fds[0]), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("a child would inherit what arrived")
		}
		m.close()
		if m, err = b.receive(); err != nil || m.kind != yours {
			t.Fatal(m, err)
		}
	}
	a.Close()
	if _, err := b.receive(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// Whatever another version sends is refused, but for its own refusal.
func TestVersions(t *testing.T) {
	a, b := ends(t)
	a.Write([]byte{99, byte(hello), 0, 0, 0, 0, 0, 2, '{', '}'})
	if _, err := b.receive(); !errors.Is(err, errVersion) {
		t.Error(err)
	}
	a, b = ends(t)
	a.Write([]byte{99, byte(no), 0, 0, 0, 0, 0, 13})
	a.Write([]byte(`{"Why":"old"}`))
	if m, err := b.receive(); err != nil || !strings.Contains(string(m.text), "old") {
		t.Error(m, err)
	}
}

// A message that is cut off, too long, or that misses descriptors is none.
func TestBrokenMessages(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"head cut off":        {[]byte{Version, byte(batch)}, "2 bytes instead of a message"},
		"text cut off":        {[]byte{Version, byte(batch), 0, 0, 0, 0, 0, 9, '{'}, "EOF"},
		"too long":            {[]byte{Version, byte(batch), 0, 0, 255, 0, 0, 0}, "a message of"},
		"descriptors missing": {[]byte{Version, byte(batch), 0, 3, 0, 0, 0, 0}, "0 of 3 descriptors arrived"},
	} {
		a, b := ends(t)
		a.Write(c.bytes)
		a.CloseWrite()
		if _, err := b.receive(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A batch has each of its descriptors once, and concerns what is known.
func TestBatchCheck(t *testing.T) {
	here := &Ready{Listeners: []string{"web"}, Upstreams: []string{"up"}}
	session := func(listener, upstream string, client, backend, r, w int) proxy.Record {
		rec := proxy.Record{Listener: listener, Upstream: upstream}
		rec.Ends[0] = proxy.EndRecord{Open: true, FD: client}
		rec.Ends[1] = proxy.EndRecord{Open: true, FD: backend}
		rec.Flows[0].Pipe = &flow.PlainPipe{R: r, W: w}
		return rec
	}
	for _, c := range []struct {
		record proxy.Record
		fds    int
		ok     bool
	}{
		{session("web", "up", 0, 1, 2, 3), 4, true},
		{session("web", "", 3, 2, 1, 0), 4, true},
		{session("web", "up", 0, 1, 2, 3), 5, false},  // one belongs to nothing
		{session("web", "up", 0, 1, 2, 3), 3, false},  // one is missing
		{session("web", "up", 0, 1, 1, 2), 3, false},  // one stands there twice
		{session("web", "up", 0, 1, -1, 2), 3, false}, // one is no number
		{session("other", "up", 0, 1, 2, 3), 4, false},
		{session("web", "other", 0, 1, 2, 3), 4, false},
	} {
		b := Batch{Sessions: []proxy.Record{c.record}}
		if err := b.check(c.fds, here); (err == nil) != c.ok {
			t.Errorf("%+v with %d descriptors: %v", c.record, c.fds, err)
		}
	}
}

// The program is known by the path that it was called by, and absolutely.
func TestThisProgram(t *testing.T) {
	p := ThisProgram()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !sameFile(p.Path, self) || len(p.Args) != len(os.Args)-1 {
		t.Errorf("%+v, and this is %s", p, self)
	}
}

// What is bound to the old process does not go to the new one.
func TestChildEnvironment(t *testing.T) {
	got := childEnvironment([]string{"A=1", "LISTEN_FDS=2", "LISTEN_PID=3", "WATCHDOG_USEC=4", environment + "=9", "PATH=x=y"})
	if strings.Join(got, " ") != "A=1 PATH=x=y" {
		t.Error(got)
	}
}
