package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also what measurements start: the two ends, and, as peers, proxies
// that are honest or not.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Args[2]))
	}
	if len(os.Args) == 5 && os.Args[1] == proxyArgument {
		runTestProxy(os.Args[2], os.Args[3], os.Args[4])
	}
	// Under the race detector every child would linger for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	flag.Parse()
	os.Exit(m.Run())
}

const proxyArgument = "proxy-of-test"

// damage is what a test proxy does to what the backend sends.
var damage = map[string]func(io.Writer) io.Writer{
	"honest": func(w io.Writer) io.Writer { return w },
	"flips":  func(w io.Writer) io.Writer { return &flipper{to: w} },
	"loses":  func(w io.Writer) io.Writer { return &loser{to: w} },
	"adds":   func(w io.Writer) io.Writer { w.Write([]byte{'x'}); return w },
	"breaks": func(w io.Writer) io.Writer { return &breaker{to: w, left: 3 << 19} },
	"dies":   func(w io.Writer) io.Writer { time.AfterFunc(60*time.Millisecond, func() { os.Exit(3) }); return w },
}

// flipper changes the byte at 3000.
type flipper struct {
	to io.Writer
	at int
}

func (f *flipper) Write(b []byte) (int, error) {
	at := 3000 - f.at
	f.at += len(b)
	if at >= 0 && at < len(b) {
		b = bytes.Clone(b)
		b[at] ^= 1
	}
	return f.to.Write(b)
}

// loser drops the second byte of what it is given after the first 2 MiB, once.
type loser struct {
	to io.Writer
	at int
}

func (l *loser) Write(b []byte) (int, error) {
	before := l.at
	l.at += len(b)
	if before <= 2<<20 && l.at > 2<<20 && len(b) > 1 {
		_, err := l.to.Write(append(bytes.Clone(b[:1]), b[2:]...))
		return len(b), err
	}
	return l.to.Write(b)
}

// breaker ends the stream after some bytes, cleanly.
type breaker struct {
	to   io.Writer
	left int
}

func (b *breaker) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return b.to.Write(p)
}

func runTestProxy(kind, listen, backend string) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		panic(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", backend)
			if err != nil {
				return
			}
			defer server.Close()
			go func() {
				io.Copy(server, client)
				server.(*net.TCPConn).CloseWrite()
			}()
			io.Copy(struct{ io.Writer }{damage[kind](client)}, struct{ io.Reader }{server})
		}()
	}
}

func testBench(t *testing.T) *bench {
	runtime.LockOSThread() // children must not outlive the thread that started them
	t.Cleanup(runtime.UnlockOSThread)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	memory, err := newTCPMemory()
	if err != nil {
		t.Fatal(err)
	}
	o := options{warm: 20 * time.Millisecond, window: 100 * time.Millisecond}
	return &bench{options: o, self: self, scratch: t.TempDir(), memory: memory}
}

func testPeer(b *bench, kind string) peer {
	return peer{name: kind, program: kind, onParentDeath: syscall.SIGKILL, command: func(at place) (*exec.Cmd, error) {
		return exec.Command(b.self, proxyArgument, kind, at.listen, at.backend), nil
	}}
}

func work(t *testing.T, name string) workload {
	all := selectWork([]string{name}, 1<<20)
	if len(all) != 1 {
		t.Fatalf("%d workloads are called %s", len(all), name)
	}
	return all[0]
}

func TestMeasureWithoutAndThroughAProxy(t *testing.T) {
	b := testBench(t)
	names := []string{"bulk-1", "bulk-8", "upload-8", "rr-1", "rr-50", "http-4", "http-1024", "short"}
	if testing.Short() {
		names = []string{"bulk-8", "upload-8", "rr-50", "http-1024", "short"}
	}
	for _, name := range names {
		w := work(t, name)
		for _, p := range []peer{{name: noProxy}, testPeer(b, "honest")} {
			n, _, err := b.measure(context.Background(), w, p)
			if err != nil {
				t.Errorf("%s, %s: %v", name, p.name, err)
				continue
			}
			for i, m := range w.group.metrics {
				hasCPU := strings.Contains(m.unit, "CPU")
				if (i == 0 || !hasCPU || p.command != nil) && n[m.key] <= 0 {
					t.Errorf("%s, %s: %s is %v", name, p.name, m.unit, n[m.key])
				}
			}
		}
	}
}

// Every kind of damage must be seen, and nothing must be left over afterwards.
func TestMeasureFailsWhenThePeerDoes(t *testing.T) {
	tests := []struct{ work, kind, says string }{
		{"bulk-1", "flips", "payload differs"},
		{"bulk-8", "loses", "the client counts"},
		{"bulk-1", "adds", "payload differs"},
		{"bulk-8", "breaks", "ended early"},
		{"bulk-1", "dies", ""},
		{"rr-1", "adds", "is not what was sent"},
		{"http-1024", "flips", "payload differs"},
		{"http-1024", "breaks", "closed with|reset by peer"}, // in a request, or while they begin
		{"http-4", "adds", "the answer is"},
		{"short", "adds", "is not what was sent"},
	}
	b := testBench(t)
	for _, test := range tests {
		n, _, err := b.measure(context.Background(), work(t, test.work), testPeer(b, test.kind))
		if err == nil {
			t.Errorf("%s through a proxy that %s: %v", test.work, test.kind, n)
		} else if !regexp.MustCompile(test.says).MatchString(err.Error()) {
			t.Errorf("%s through a proxy that %s: %v, want a word about %q", test.work, test.kind, err, test.says)
		}
	}
	left, err := os.ReadDir(b.scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if pids, err := family(os.Getpid()); err != nil || len(pids) > 1 {
		t.Errorf("still running: %v, %v", pids, err)
	}
}

func TestMeasureStopsWhenTold(t *testing.T) {
	b := testBench(t)
	b.window = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, _, err := b.measure(ctx, work(t, "bulk-1"), testPeer(b, "honest")); err == nil {
		t.Error("a measurement that was called off has a result")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

func TestPeerThatDoesNotStart(t *testing.T) {
	b := testBench(t)
	p := peer{name: "x", program: "x", onParentDeath: syscall.SIGKILL, command: func(place) (*exec.Cmd, error) {
		return exec.Command("sh", "-c", "echo no such option >&2; exit 4"), nil
	}}
	_, _, err := b.measure(context.Background(), work(t, "rr-1"), p)
	if err == nil || !strings.Contains(err.Error(), "did not start") || !strings.Contains(err.Error(), "no such option") {
		t.Errorf("the error is %v", err)
	}
}

func TestCheckHead(t *testing.T) {
	tests := []struct {
		head string
		good bool
	}{
		{"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 42\r\n\r\n", true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n", false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 42\r\n\r\n", false},
	}
	for _, test := range tests {
		if err := checkHead([]byte(test.head), 42); (err == nil) != test.good {
			t.Errorf("%q: %v", test.head, err)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	b := append(bytes.Clone(pattern[patternBytes-10:]), pattern[:10]...)
	if err := checkPattern(b, 5*patternBytes-10); err != nil {
		t.Error(err)
	}
	b[12]++
	if checkPattern(b, 5*patternBytes-10) == nil {
		t.Error("a changed byte goes unseen")
	}
}
