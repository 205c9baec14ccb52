package sock

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDialAndAccept(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		client, server := connect(t, at)
		defer Close(client)
		defer Close(server)
		for name, fd := range map[string]int{"dialled": client, "accepted": server} {
			status, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if status&unix.O_NONBLOCK == 0 || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the %s socket blocks or survives exec", name)
			}
			if at.Family() == unix.AF_UNIX {
				continue
			}
			if v, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); v == 0 || err != nil {
				t.Errorf("the %s socket delays small segments (%v)", name, err)
			}
		}
	})
}

func TestAcceptTellsTheClient(t *testing.T) {
	listener, at := listenAt(t, loopback(t, "127.0.0.1:0"))
	var from Address
	if _, errno := Accept(listener, &from); errno != unix.EAGAIN {
		t.Errorf("accept with nobody there: %v, want EAGAIN", errno)
	}
	client, _ := Dial(&at)
	defer Close(client)
	await(t, listener, unix.POLLIN)
	server, errno := Accept(listener, &from)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer Close(server)
	local := LocalAddress(client)
	if from.AddrPort() != local.AddrPort() {
		t.Errorf("accepted %v, but the client is %v", from.AddrPort(), local.AddrPort())
	}
}

// A connect is asked how it stands; the errno is the one that ended it.
func TestConnectedTellsOfARefusal(t *testing.T) {
	at := refusing(t)
	client, errno := Dial(&at)
	if errno == unix.EINPROGRESS {
		await(t, client, unix.POLLOUT)
		errno = Connected(client, &at)
		Close(client)
	}
	if errno != unix.ECONNREFUSED {
		t.Errorf("the connect ended with %v, want ECONNREFUSED", errno)
	}
}

// A socket that the kernel has connected to itself has reached nobody.
func TestConnectedToItself(t *testing.T) {
	for _, ip := range []string{"127.0.0.1:0", "[::1]:0"} {
		any := loopback(t, ip)
		fd, errno := Open(&any, false)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer Close(fd)
		if errno := Bind(fd, &any); errno != 0 {
			t.Fatal(errno)
		}
		self := LocalAddress(fd)
		if errno := Connect(fd, &self); errno != unix.EINPROGRESS && errno != 0 {
			t.Fatal(errno)
		}
		await(t, fd, unix.POLLOUT)
		if errno := Connected(fd, &self); errno != unix.ECONNREFUSED {
			t.Errorf("%s: %v, want ECONNREFUSED", ip, errno)
		}
	}
}

// A second question after a failure is a new attempt: the kernel gives the error once.
func TestConnectedTellsOfAnErrorOnce(t *testing.T) {
	at := refusing(t)
	client, errno := Dial(&at)
	if errno != unix.EINPROGRESS {
		t.Fatalf("%v, want EINPROGRESS: the answer is looked at when the call is over", errno)
	}
	defer Close(client)
	await(t, client, unix.POLLOUT)
	Connected(client, &at)
	if errno := Connected(client, &at); errno != unix.EINPROGRESS {
		t.Errorf("the second question got %v, want the EINPROGRESS of a new attempt", errno)
	}
}

// refusing is an address that is bound, so that nobody else gets it, and not listened
// on.
func refusing(t *testing.T) Address {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, fd, err)
	t.Cleanup(func() { Close(fd) })
	must(t, 0, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	return LocalAddress(fd)
}

func TestDialLeavesNoDescriptor(t *testing.T) {
	nobody, err := UnixAddress("@relay-nobody-listens-here")
	must(t, 0, err)
	before := lowestFree(t)
	if fd, errno := Dial(&nobody); errno != unix.ECONNREFUSED || fd != -1 {
		t.Errorf("dial returned %d, %v; want -1, ECONNREFUSED", fd, errno)
	}
	if after := lowestFree(t); after != before {
		t.Error("a failed dial left its descriptor open")
	}
}

func TestListenTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, at Address) {
		_, at = listenAt(t, at)
		before := lowestFree(t)
		if fd, err := Listen(&at); err != unix.EADDRINUSE || fd != -1 {
			t.Errorf("the second listen returned %d, %v; want -1, EADDRINUSE", fd, err)
		}
		if lowestFree(t) != before {
			t.Error("a failed listen left its descriptor open")
		}
	})
}

// "[::]:p" and "0.0.0.0:p" stand side by side.
func TestListenIPv6TakesIPv6Only(t *testing.T) {
	_, six := listenAt(t, loopback(t, "[::]:0"))
	four := netip.AddrPortFrom(netip.IPv4Unspecified(), six.AddrPort().Port())
	a, err := TCPAddress(four)
	must(t, a, err)
	fd, err := Listen(&a)
	if err != nil {
		t.Fatalf("listen %v beside [::]: %v", four, err)
	}
	Close(fd)
}

// lowestFree is the descriptor that the next open would get.
func lowestFree(t *testing.T) int {
	t.Helper()
	fd, err := unix.Dup(0)
	must(t, fd, err)
	unix.Close(fd)
	return fd
}
