package listen

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/sock"
)

func open1(a config.Address) (*Service, error) {
	return Open("listener", config.Service{Name: "test", Backlog: sock.Backlog, Listen: []config.Address{a}}, plenty(), zerolog.Nop())
}

// A socket that a dead process left behind is taken over.
func TestStaleUnixSocketIsTakenOver(t *testing.T) {
	_, path := unixService(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	s, err := open1(config.Address{Unix: path})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the socket is still there: %v", err)
	}
}

// What is in use, or is no socket, stays as it is.
func TestNobodysPlaceIsTaken(t *testing.T) {
	for name, occupy := range map[string]func(t *testing.T, path string){
		"live": func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		},
		"live with a full backlog": fullBacklog,
		"file": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"link to a stale socket": func(t *testing.T, path string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".old"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
			if err := os.Symlink(path+".old", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, path := unixService(t)
			occupy(t, path)
			before, _ := os.Lstat(path)
			if s, err := open1(config.Address{Unix: path}); !errors.Is(err, unix.EADDRINUSE) {
				t.Errorf("open: %v, want EADDRINUSE", err)
				s.Close()
			}
			after, err := os.Lstat(path)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("what was there is gone: %v", err)
			}
		})
	}
}

// fullBacklog listens and never accepts: connecting says EAGAIN.
func fullBacklog(t *testing.T, path string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		if err := unix.Connect(c, &unix.SockaddrUnix{Name: path}); err == unix.EAGAIN {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// If one address cannot be opened, those before it are closed again.
func TestOpenAllOrNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "s")
	before := descriptors(t)
	_, err = Open("drop", config.Service{Name: "test", Listen: []config.Address{
		{TCP: netip.MustParseAddrPort("127.0.0.1:0")},
		{Unix: path},
		{Unix: "@relay-open-all-or-nothing"},
		{TCP: netip.MustParseAddrPort(taken.Addr().String())},
	}}, plenty(), zerolog.Nop())
	if !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("open: %v, want EADDRINUSE", err)
	}
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unix socket was left behind: %v", err)
	}
}

// The error names the service and the address.
func TestOpenSaysWhat(t *testing.T) {
	_, err := open1(config.Address{TCP: netip.MustParseAddrPort("192.0.2.1:1")}) // TEST-NET: not ours
	const want = `listener "test": listen 192.0.2.1:1: cannot assign requested address`
	if err == nil || err.Error() != want {
		t.Errorf("open: %v, want %s", err, want)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
