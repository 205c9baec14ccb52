package listen

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/sock"
)

// shortChild says that this is the process whose descriptor limit may be lowered.
const shortChild = "RELAY_TEST_SHORT_OF_DESCRIPTORS"

// Out of descriptors: accepting rests, one line is logged, the loop does not spin, nobody
// is turned away, and accepting goes on when there are descriptors again.
func TestShortOfDescriptors(t *testing.T) {
	if os.Getenv(shortChild) == "" {
		c := exec.Command(os.Args[0], "-test.run=^TestShortOfDescriptors$", "-test.count=1")
		c.Env = append(os.Environ(), shortChild+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const clients = 3
	os.ReadFile("/proc/self/status") // the runtime opens its own poller with the first file, and dies if it cannot
	r := newRig(t, 1, config.Service{}, plenty())
	r.start(0)
	sockets := make([]int, clients)
	for i := range sockets {
		sockets[i] = r.socket()
	}
	ballast := useUpDescriptors(t)
	r.connect(sockets)
	eventually(t, "accepting pauses", func() bool { return r.log.count("too many open files") > 0 })
	before := r.loops[0].Turns()
	time.Sleep(5 * shortPause) // what is measured is a rate
	if turns := r.loops[0].Turns() - before; turns > 20 {
		t.Errorf("%d rounds in %v while accepting rests", turns, 5*shortPause)
	}
	if n := r.log.count("accepting paused"); n != 1 {
		t.Errorf("%d lines say that accepting is paused, want 1", n)
	}
	for range clients {
		unix.Close(ballast[len(ballast)-1])
		ballast = ballast[:len(ballast)-1]
		r.take(0)
	}
	for _, fd := range ballast {
		unix.Close(fd)
	}
	if n := len(r.takers[0].refused); n != 0 {
		t.Errorf("%d clients were refused", n)
	}
}

// socket is a client's, not connected yet.
func (r *rig) socket() int {
	r.t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func (r *rig) connect(sockets []int) {
	r.t.Helper()
	at := sock.LocalAddress(r.sockets[0].fd)
	ap := at.AddrPort()
	for _, fd := range sockets {
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: ap.Addr().As4(), Port: int(ap.Port())}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// useUpDescriptors opens until there is none left.
func useUpDescriptors(t *testing.T) []int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 64
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var ballast []int
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err == unix.EMFILE {
			return ballast
		}
		if err != nil {
			t.Fatal(err)
		}
		ballast = append(ballast, fd)
	}
}
