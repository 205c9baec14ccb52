package sock

import (
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// hasOpenat2 reports whether openat2(2) can be called. A sandbox may refuse it, because
// it cannot look at flags that lie in memory: systemd does wherever it forbids to make
// files set-user-ID (RestrictSUIDSGID=, and with it DynamicUser=).
var hasOpenat2 = sync.OnceValue(func() bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
})

// linksMost is how many symbolic links lie on a way, at most; path_resolution(7).
const linksMost = 40

// walk opens a name as openat2(2) with RESOLVE_BENEATH does, name by name. It holds each
// directory that it came through, and goes back to that one at "..": wherever a
// directory is moved meanwhile, nothing leads above the first.
type walk struct {
	came  []int // the directories from the first on; the first is the caller's
	names []string
	links int
}

func openStepwise(dir int, name string, flags int) (int, Errno) {
	switch {
	case name == "":
		return -1, unix.ENOENT
	case strings.HasPrefix(name, "/"):
		return -1, unix.EXDEV
	case len(name) >= unix.PathMax:
		return -1, unix.ENAMETOOLONG
	}
	if strings.HasSuffix(name, "/") {
		flags |= unix.O_DIRECTORY
	}
	w := walk{came: []int{dir}, names: strings.Split(name, "/")}
	defer w.leave()
	for tries := 0; ; {
		fd, errno := w.step(flags)
		if errno == unix.ELOOP && w.links <= linksMost && tries < renameTries {
			tries++ // a name became a link after it was looked at
			continue
		}
		if errno != 0 || fd >= 0 {
			return fd, errno
		}
	}
}

// leave closes the directories on the way.
func (w *walk) leave() {
	for _, fd := range w.came[1:] {
		unix.Close(fd)
	}
}

func (w *walk) here() int { return w.came[len(w.came)-1] }

// step takes the next name. It returns -1 and no error until it was the last one.
func (w *walk) step(flags int) (int, Errno) {
	for len(w.names) > 1 && (w.names[0] == "" || w.names[0] == ".") {
		w.names = w.names[1:]
	}
	name, last := w.names[0], len(w.names) == 1
	switch {
	case name == "..":
		if len(w.came) == 1 {
			return -1, unix.EXDEV
		}
		unix.Close(w.here())
		w.came = w.came[:len(w.came)-1]
		w.names[0] = "."
		return -1, 0
	case last && (name == "" || name == "."):
		return openName(w.here(), ".", flags)
	}
	fd, errno := openName(w.here(), name, unix.O_PATH|unix.O_NOFOLLOW)
	if errno != 0 {
		return -1, errno
	}
	kind, link, errno := look(fd)
	switch {
	case errno != 0:
		unix.Close(fd)
		return -1, errno
	case kind == unix.S_IFLNK && (!last || flags&unix.O_NOFOLLOW == 0):
		unix.Close(fd)
		return -1, w.follow(link)
	case !last && kind != unix.S_IFDIR:
		unix.Close(fd)
		return -1, unix.ENOTDIR
	case last && flags&unix.O_PATH != 0 && flags&unix.O_DIRECTORY == 0:
		return fd, 0
	case last:
		unix.Close(fd)
		return openName(w.here(), name, flags|unix.O_NOFOLLOW)
	}
	w.came, w.names = append(w.came, fd), w.names[1:]
	return -1, 0
}

// follow puts what a link says in the place of its name.
func (w *walk) follow(link string) Errno {
	w.links++
	switch {
	case w.links > linksMost:
		return unix.ELOOP
	case strings.HasPrefix(link, "/"):
		return unix.EXDEV
	}
	w.names = append(strings.Split(link, "/"), w.names[1:]...)
	return 0
}

// look says what was opened, and what a symbolic link says that was opened itself.
func look(fd int) (kind uint32, link string, errno Errno) {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return 0, "", err.(Errno)
	}
	kind = info.Mode & unix.S_IFMT
	if kind != unix.S_IFLNK {
		return kind, "", 0
	}
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", text)
	if err != nil {
		return kind, "", err.(Errno)
	}
	return kind, string(text[:n]), 0
}

func openName(dir int, name string, flags int) (int, Errno) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if err == nil {
			return fd, 0
		}
		if err != unix.EINTR {
			errno, ok := err.(Errno)
			if !ok {
				errno = unix.EINVAL // a NUL in the name
			}
			return -1, errno
		}
	}
}
