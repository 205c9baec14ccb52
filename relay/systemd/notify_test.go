package systemd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is a service manager's end.
func manager(t *testing.T) (*net.UnixConn, Notifier) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, Notifier{Address: path}
}

func heard(t *testing.T, c *net.UnixConn) (string, []byte) {
	t.Helper()
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, r, _, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n]), rights[:r]
}

func TestWhatIsSaid(t *testing.T) {
	c, n := manager(t)
	for _, one := range []struct {
		say  func() error
		want string
	}{
		{n.Ready, "READY=1"},
		{n.Alive, "WATCHDOG=1"},
		{func() error { return n.Stopping(1500 * time.Millisecond) }, "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000"},
		{func() error { return n.Status("one\ntwo") }, "STATUS=one two"},
		{func() error { return n.Main(7) }, "MAINPID=7"},
		{func() error { return n.Forget("x") }, "FDSTOREREMOVE=1\nFDNAME=x"},
	} {
		if err := one.say(); err != nil {
			t.Fatal(err)
		}
		if got, rights := heard(t, c); got != one.want || len(rights) > 0 {
			t.Errorf("%q, want %q", got, one.want)
		}
	}
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	var at int64
	if got, _ := heard(t, c); strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	} else if _, err := fmt.Sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%d", &at); err != nil || at <= 0 {
		t.Errorf("%q", got)
	}
}

// A descriptor that is kept is the one that was meant.
func TestKeep(t *testing.T) {
	c, n := manager(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := n.Keep("relay-1", int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	text, rights := heard(t, c)
	if text != "FDSTORE=1\nFDNAME=relay-1" {
		t.Errorf("%q", text)
	}
	all, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	fds, err := unix.ParseUnixRights(&all[0])
	if err != nil || len(fds) != 1 {
		t.Fatal(fds, err)
	}
	kept := os.NewFile(uintptr(fds[0]), "kept")
	defer kept.Close()
	a, _ := f.Stat()
	if b, err := kept.Stat(); err != nil || !os.SameFile(a, b) {
		t.Errorf("%v is not %v: %v", b, a, err)
	}
}

func TestNobodyListens(t *testing.T) {
	if err := (Notifier{}).Ready(); err != nil {
		t.Error(err)
	}
	gone := Notifier{Address: filepath.Join(t.TempDir(), "gone")}
	if err := gone.Ready(); err == nil || !strings.Contains(err.Error(), gone.Address) {
		t.Errorf("%v", err)
	}
}

// What is in the environment of another process is not ours, and none of it is passed on.
func TestTake(t *testing.T) {
	for key, value := range map[string]string{
		"NOTIFY_SOCKET": "@relay-test", "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": fmt.Sprint(os.Getpid()), "FDSTORE": "3",
		"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b",
	} {
		t.Setenv(key, value)
	}
	g, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	if want := (Notifier{Address: "@relay-test", Watchdog: 8 * time.Second, Room: 3}); g.Notifier != want || len(g.Sockets) != 0 {
		t.Errorf("%+v, want %+v and no sockets", g, want)
	}
	for _, key := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if v, ok := os.LookupEnv(key); ok {
			t.Errorf("%s=%s is still there", key, v)
		}
	}
	t.Setenv("WATCHDOG_USEC", "soon")
	if _, err := Take(); err == nil {
		t.Error("an interval that is no number is taken")
	}
}
