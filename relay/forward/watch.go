package forward

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// change is what inotify(7) tells of a name.
type change struct {
	path  string // relative to the drop
	whole bool   // the file was renamed to the name, and so is complete
	dir   bool   // a directory came
	all   bool   // look through everything: events were lost, or a directory has moved
}

// watch tells of what changes beneath a directory. Directories are added by whoever looks
// through them, before doing so, so that nothing is missed in between.
type watch struct {
	root    string
	file    *os.File
	changes chan change

	mu   sync.Mutex
	dirs map[int32]string // by watch descriptor
}

const watchMask = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CREATE | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

func newWatch(root string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &watch{root: root, file: os.NewFile(uintptr(fd), "inotify"), changes: make(chan change), dirs: map[int32]string{}}
	return w, nil
}

// add begins to watch a directory; one that is watched already has its path corrected.
func (w *watch) add(dir string) error {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var wd int
	var failed error
	err = conn.Control(func(fd uintptr) {
		wd, failed = unix.InotifyAddWatch(int(fd), filepath.Join(w.root, dir), watchMask)
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	w.mu.Lock()
	w.dirs[int32(wd)] = dir
	w.mu.Unlock()
	return nil
}

// run reads events until the watch is closed.
func (w *watch) run(stop <-chan struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return // closed
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at]))
			name := buf[at+unix.SizeofInotifyEvent : at+unix.SizeofInotifyEvent+int(e.Len)]
			at += unix.SizeofInotifyEvent + int(e.Len)
			c, ok := w.read(e, string(bytes.TrimRight(name, "\x00")))
			if !ok {
				continue
			}
			select {
			case w.changes <- c:
			case <-stop:
				return
			}
		}
	}
}

// read makes a change of an event; false says that there is nothing in it.
func (w *watch) read(e *unix.InotifyEvent, name string) (change, bool) {
	if e.Mask&unix.IN_Q_OVERFLOW != 0 {
		return change{all: true}, true
	}
	w.mu.Lock()
	dir, known := w.dirs[e.Wd]
	if e.Mask&unix.IN_IGNORED != 0 {
		delete(w.dirs, e.Wd)
	}
	w.mu.Unlock()
	isDir := e.Mask&unix.IN_ISDIR != 0
	switch {
	case !known || name == "":
		return change{}, false
	case isDir && e.Mask&(unix.IN_MOVED_FROM|unix.IN_MOVED_TO) != 0:
		return change{all: true}, true
	case isDir && e.Mask&unix.IN_CREATE != 0:
		return change{path: filepath.Join(dir, name), dir: true}, true
	case isDir || e.Mask&unix.IN_MOVED_FROM != 0:
		return change{}, false
	}
	return change{path: filepath.Join(dir, name), whole: e.Mask&unix.IN_MOVED_TO != 0}, true
}

func (w *watch) close() { w.file.Close() }
