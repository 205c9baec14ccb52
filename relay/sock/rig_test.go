package sock

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// places are the addresses that every test of connections runs on.
var places = map[string]func(*testing.T) Address{
	"ipv4": func(t *testing.T) Address { return loopback(t, "127.0.0.1:0") },
	"ipv6": func(t *testing.T) Address { return loopback(t, "[::1]:0") },
	"unix": func(t *testing.T) Address {
		a, err := UnixAddress(filepath.Join(t.TempDir(), "s"))
		return must(t, a, err)
	},
	"abstract": func(t *testing.T) Address {
		a, err := UnixAddress("@relay-" + t.Name())
		return must(t, a, err)
	},
}

func everywhere(t *testing.T, f func(t *testing.T, at Address)) {
	for name, place := range places {
		t.Run(name, func(t *testing.T) { f(t, place(t)) })
	}
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func loopback(t *testing.T, s string) Address {
	a, err := TCPAddress(netip.MustParseAddrPort(s))
	return must(t, a, err)
}

// listenAt opens a listening socket and says where it really is.
func listenAt(t *testing.T, at Address) (int, Address) {
	t.Helper()
	fd, err := Listen(&at)
	if at.Family() == unix.AF_INET6 && (err == unix.EAFNOSUPPORT || err == unix.EADDRNOTAVAIL) {
		t.Skipf("no IPv6 here: %v", err)
	}
	must(t, fd, err)
	t.Cleanup(func() { Close(fd) })
	if at.Family() == unix.AF_UNIX {
		return fd, at
	}
	return fd, LocalAddress(fd)
}

// connect makes both ends of a connection.
func connect(t *testing.T, at Address) (client, server int) {
	t.Helper()
	listener, at := listenAt(t, at)
	client, errno := Dial(&at)
	if errno != 0 && errno != unix.EINPROGRESS {
		t.Fatal(errno)
	}
	await(t, listener, unix.POLLIN)
	var from Address
	server, errno = Accept(listener, &from)
	if errno != 0 {
		t.Fatal(errno)
	}
	await(t, client, unix.POLLOUT)
	if errno := Connected(client, &at); errno != 0 {
		t.Fatal(errno)
	}
	return client, server
}

// await waits until the descriptor is ready.
func await(t *testing.T, fd int, events int16) {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	end := time.Now().Add(5 * time.Second)
	for time.Now().Before(end) {
		if n, err := unix.Poll(p, 1000); n > 0 || err != nil && err != unix.EINTR {
			return
		}
	}
	t.Fatalf("descriptor %d never had events %#x", fd, events)
}
