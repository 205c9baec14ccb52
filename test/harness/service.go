package harness

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Service is what a service manager gives a process that it starts, and hears of it.
type Service struct {
	Watchdog time.Duration // 0 = none
	Store    int           // how many descriptors it keeps

	path string
	mu   sync.Mutex
	told []Notice
}

// Notice is one message of the program.
type Notice struct {
	Text string
	File *os.File // that came with it, or nil
}

// Passed is a descriptor that the program is started with.
type Passed struct {
	Name string
	File *os.File
}

// NewService listens to notices until the test ends.
func NewService(t testing.TB) *Service {
	t.Helper()
	s := &Service{path: filepath.Join(Directory(t), "notify")}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.path, 0o666); err != nil { // the program may be another user
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.listen(c)
	}()
	t.Cleanup(func() {
		c.Close()
		<-over
		for _, n := range s.Notices() {
			if n.File != nil {
				n.File.Close()
			}
		}
	})
	return s
}

func (s *Service) listen(c *net.UnixConn) {
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	for {
		n, r, _, _, err := c.ReadMsgUnix(text, rights)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.told = append(s.told, Notice{string(text[:n]), fileOf(rights[:r])})
		s.mu.Unlock()
	}
}

// fileOf is the descriptor in a control message, or nil.
func fileOf(rights []byte) *os.File {
	all, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(all) == 0 {
		return nil
	}
	fds, err := unix.ParseUnixRights(&all[0])
	if err != nil || len(fds) == 0 {
		return nil
	}
	return os.NewFile(uintptr(fds[0]), "kept")
}

// Notices are those so far.
func (s *Service) Notices() []Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Notice(nil), s.told...)
}

// Count is how many notices so far contain a text.
func (s *Service) Count(text string) (n int) {
	for _, one := range s.Notices() {
		if strings.Contains(one.Text, text) {
			n++
		}
	}
	return n
}

// Hear waits until notices with a text have come so many times, and returns the last.
func (s *Service) Hear(t testing.TB, times int, text string) (last Notice) {
	t.Helper()
	Eventually(t, "the service manager hears "+strconv.Quote(text), func() (bool, any) {
		n := 0
		for _, one := range s.Notices() {
			if strings.Contains(one.Text, text) {
				n++
				last = one
			}
		}
		return n >= times, s.Notices()
	})
	return last
}

// Kept are the descriptors that were left and not taken back, by name.
func (s *Service) Kept() map[string]*os.File {
	kept := map[string]*os.File{}
	for _, n := range s.Notices() {
		_, name, _ := strings.Cut(n.Text, "FDNAME=")
		switch {
		case strings.HasPrefix(n.Text, "FDSTORE=1"):
			kept[name] = n.File
		case strings.HasPrefix(n.Text, "FDSTOREREMOVE=1"):
			delete(kept, name)
		}
	}
	return kept
}

// command has a shell set what is bound to the number of the process, and become the
// program.
func (s *Service) command(program string, passed []Passed, args []string) *exec.Cmd {
	script := `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"`
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", program}, args...)...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.path, "LISTEN_FDS="+strconv.Itoa(len(passed)))
	if s.Watchdog > 0 {
		cmd.Env = append(cmd.Env, "WATCHDOG_USEC="+strconv.FormatInt(s.Watchdog.Microseconds(), 10))
	}
	if s.Store > 0 {
		cmd.Env = append(cmd.Env, "FDSTORE="+strconv.Itoa(s.Store))
	}
	var names []string
	for _, p := range passed {
		names = append(names, p.Name)
		cmd.ExtraFiles = append(cmd.ExtraFiles, p.File)
	}
	cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+strings.Join(names, ":"))
	return cmd
}
