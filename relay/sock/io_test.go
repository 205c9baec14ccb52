package sock

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSendAndRecv(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		a, b := connect(t, at)
		defer Close(b)
		var buf [16]byte
		wantIO(t, "recv from a silent peer", 0, unix.EAGAIN)(Recv(b, buf[:]))
		wantIO(t, "send", 4, 0)(Send(a, []byte("ping"), false))
		await(t, b, unix.POLLIN)
		wantIO(t, "peek", 4, 0)(Peek(b, buf[:]))
		wantIO(t, "recv", 4, 0)(Recv(b, buf[:]))
		if string(buf[:4]) != "ping" {
			t.Errorf("received %q", buf[:4])
		}
		if errno := Shutdown(a, unix.SHUT_WR); errno != 0 {
			t.Errorf("shutdown: %v", errno)
		}
		await(t, b, unix.POLLIN)
		wantIO(t, "recv at the end", 0, 0)(Recv(b, buf[:]))
		Close(a)
	})
}

// A write to a peer that is gone is an errno, never a signal.
func TestSendToNobody(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		a, b := connect(t, at)
		defer Close(a)
		Reset(b)
		var errno Errno
		for errno == 0 {
			_, errno = Send(a, []byte("x"), false)
		}
		if errno != unix.EPIPE && errno != unix.ECONNRESET {
			t.Errorf("send: %v, want EPIPE or ECONNRESET", errno)
		}
	})
}

func TestSendUntilFull(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		a, b := connect(t, at)
		defer Close(a)
		defer Close(b)
		chunk := make([]byte, 1<<20)
		sent := 0
		for {
			n, errno := Send(a, chunk, false)
			if errno == unix.EAGAIN {
				break
			}
			if errno != 0 {
				t.Fatal(errno)
			}
			if sent += n; sent > 1<<28 {
				t.Fatal("a socket that nobody reads takes everything")
			}
		}
		if at.Family() != unix.AF_UNIX && Unsent(a) == 0 {
			t.Error("nothing is unsent to a peer that does not read")
		}
	})
}

// A reset is seen as one; a plain close is not.
func TestReset(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(fd int)
		want Errno
	}{"reset": {Reset, unix.ECONNRESET}, "close": {Close, 0}} {
		a, b := connect(t, loopback(t, "127.0.0.1:0"))
		c.end(a)
		await(t, b, unix.POLLIN)
		var buf [1]byte
		wantIO(t, name, 0, c.want)(Recv(b, buf[:]))
		Close(b)
	}
}

// TakeError consumes: the read after it takes the stream for complete. This is why an
// end remembers its error.
func TestTakeErrorConsumes(t *testing.T) {
	a, b := connect(t, loopback(t, "127.0.0.1:0"))
	defer Close(b)
	if errno := TakeError(b); errno != 0 {
		t.Errorf("error %v on a healthy socket", errno)
	}
	Reset(a)
	await(t, b, unix.POLLIN)
	if errno := TakeError(b); errno != unix.ECONNRESET {
		t.Errorf("error %v after a reset", errno)
	}
	if errno := TakeError(b); errno != 0 {
		t.Errorf("error %v is still there after it was taken", errno)
	}
	var buf [1]byte
	wantIO(t, "recv after the error was taken", 0, 0)(Recv(b, buf[:]))
}

// A FIN counts until it is acknowledged, which takes up to a delayed ACK.
func TestUnsentEnds(t *testing.T) {
	a, b := connect(t, loopback(t, "127.0.0.1:0"))
	defer Close(a)
	defer Close(b)
	Send(a, []byte("last words"), false)
	Shutdown(a, unix.SHUT_WR)
	for end := time.Now().Add(5 * time.Second); Unsent(a) != 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d bytes still unsent", Unsent(a))
		}
	}
	if n := Unsent(-1); n != 0 {
		t.Errorf("%d bytes unsent on no descriptor", n)
	}
}

func TestSplice(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		a, b := connect(t, at)
		defer Close(b)
		var p [2]int
		must(t, 0, unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		defer Close(p[0])
		defer Close(p[1])
		wantIO(t, "splice from a silent peer", 0, unix.EAGAIN)(Splice(b, p[1], 100))
		wantIO(t, "splice from an empty pipe", 0, unix.EAGAIN)(Splice(p[0], a, 100))
		wantIO(t, "write", 4, 0)(WritePipe(p[1], []byte("pong")))
		wantIO(t, "splice to a socket", 4, 0)(Splice(p[0], a, 100))
		await(t, b, unix.POLLIN)
		wantIO(t, "splice from a socket", 3, 0)(Splice(b, p[1], 3))
		var buf [8]byte
		if n, err := unix.Read(p[0], buf[:]); string(buf[:max(n, 0)]) != "pon" {
			t.Errorf("the pipe held %q, %v", buf[:max(n, 0)], err)
		}
		Close(a)
		await(t, b, unix.POLLIN)
		wantIO(t, "splice of the rest", 1, 0)(Splice(b, p[1], 100))
		wantIO(t, "splice at the end", 0, 0)(Splice(b, p[1], 100))
	})
}

// wantIO checks what a call returned.
func wantIO(t *testing.T, what string, n int, errno Errno) func(int, Errno) {
	return func(gotN int, got Errno) {
		t.Helper()
		if gotN != n || got != errno {
			t.Errorf("%s: %d, %v; want %d, %v", what, gotN, error(got), n, error(errno))
		}
	}
}
