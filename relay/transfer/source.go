package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// look is what a file looks like from outside: when two looks at it are equal, it was not
// written to in between.
type look struct {
	Dev uint64 `json:"dev"`
	Version
	Ctime int64 `json:"ctime"` // nanoseconds since 1970
}

// equals compares a look that was noted, see Same.
func (l look) equals(other look) bool {
	return l.Dev == other.Dev && l.Ctime == other.Ctime && l.Same(other.Version)
}

// source is a file that is sent, held open.
type source struct {
	*os.File
	look  look
	mode  os.FileMode
	time  time.Time
	still bool // it is a copy of its own, which nobody else writes to
}

// errChanged is why what was sent of a file is worth nothing.
var errChanged = errors.New("it changed while it was sent")

// clockTick is the coarsest a file system's time is here: a file that is written twice
// within it may look the same.
const clockTick = 20 * time.Millisecond

// openSource opens a regular file. Nothing else is opened: a FIFO would wait for its
// writers.
func openSource(path string) (*source, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	s := &source{File: f}
	s.look.Born = sock.Born(int(f.Fd()))
	if err := s.settle(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// settle looks at the file, not within a tick of its last change.
func (s *source) settle() error {
	for {
		st, err := s.stat()
		if err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return final(fmt.Errorf("%s is no regular file", s.Name()))
		}
		s.look = lookOf(st, s.look.Born)
		s.mode = os.FileMode(st.Mode & permissions)
		s.time = time.Unix(0, s.look.Mtime)
		age := time.Since(time.Unix(0, s.look.Ctime))
		if age < 0 || age >= clockTick { // a time to come says nothing
			return nil
		}
		time.Sleep(clockTick - age)
	}
}

// Close closes the file that is read by then, which may be another than was opened.
func (s *source) Close() error { return s.File.Close() }

func (s *source) stat() (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(s.Fd()), &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: s.Name(), Err: err}
	}
	return &st, nil
}

func lookOf(st *unix.Stat_t, born int64) look {
	return look{st.Dev, Version{st.Ino, st.Size, st.Mtim.Nano(), born}, st.Ctim.Nano()}
}

// unchanged makes sure that the file is what it was.
func (s *source) unchanged() error {
	if s.still {
		return nil
	}
	st, err := s.stat()
	if err == nil && lookOf(st, s.look.Born) != s.look {
		err = errChanged
	}
	return err
}

// readAll reads the whole file into memory, as it is at one moment.
func (s *source) readAll(into []byte) ([]byte, error) {
	b := into[:s.look.Size]
	if _, err := io.ReadFull(io.NewSectionReader(s, 0, s.look.Size), b); err != nil {
		return nil, errChanged
	}
	return b, s.unchanged()
}

// attributes are the fields that bring what the file is besides its content.
func (s *source) attributes() []field {
	return []field{{"X-OC-Mtime", formatSeconds(s.time)}, {"X-Relay-Mode", formatMode(s.mode)}}
}

// formatMode writes permissions as X-Relay-Mode has them.
func formatMode(m os.FileMode) string {
	const digits = 0o10000 // the first of five is cut off
	return strconv.FormatUint(uint64(m&permissions)|digits, 8)[1:]
}

// absolute is the path in one spelling, for a name that outlives this process.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
