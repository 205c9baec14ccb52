package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Descriptors counts the open descriptors of a process by kind: "socket",
// "pipe", "eventpoll", "eventfd", "file". Standard input, output and error are
// not counted.
type Descriptors map[string]int

// Total is the number of all.
func (d Descriptors) Total() int {
	total := 0
	for _, n := range d {
		total += n
	}
	return total
}

// Within reports whether there are no more of any kind than in other, but for pipes,
// which a pool keeps. Fewer is no leak: what runs at the start may hold a file for a
// moment.
func (d Descriptors) Within(other Descriptors) bool {
	for kind, n := range d {
		if kind != "pipe" && n > other[kind] {
			return false
		}
	}
	return true
}

// Descriptors is what the process holds now.
func (r *Relay) Descriptors(t testing.TB) Descriptors {
	t.Helper()
	count := Descriptors{}
	for _, target := range r.open(t) {
		count[kindOf(target)]++
	}
	return count
}

// open maps the number of every descriptor above 2 to what it is.
func (r *Relay) open(t testing.TB) map[int]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", r.PID)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("the process is gone: %v; the log ends with:\n%s", err, r.Journal.Tail(20))
	}
	found := map[int]string{}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 {
			continue
		}
		// One that closed since the directory was read is not held.
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			found[fd] = target
		}
	}
	return found
}

// rememberStart notes what the process holds when it is ready.
func (r *Relay) rememberStart(t testing.TB) {
	t.Helper()
	r.baseline = r.Descriptors(t)
	r.atStart = map[string]bool{}
	for _, target := range r.open(t) {
		r.atStart[target] = true
	}
}

func kindOf(target string) string {
	kind, _, colon := strings.Cut(target, ":[")
	if !colon {
		kind = "file"
	}
	if name, ok := strings.CutPrefix(target, "anon_inode:"); ok {
		kind = strings.Trim(name, "[]")
	}
	return kind
}

// PipeBytes is the memory the kernel granted to the pipes the process has made since
// it was ready, in bytes: one that it inherited is none of its own. It opens each of
// them for a moment, as /proc allows.
func (r *Relay) PipeBytes(t testing.TB) int {
	t.Helper()
	sizes := map[string]int{} // by inode: both ends of a pipe are listed
	for fd, target := range r.open(t) {
		if kindOf(target) != "pipe" || r.atStart[target] {
			continue
		}
		f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", r.PID, fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue // closed since
		}
		if size, err := unix.FcntlInt(f.Fd(), unix.F_GETPIPE_SZ, 0); err == nil {
			sizes[target] = size
		}
		f.Close()
	}
	total := 0
	for _, size := range sizes {
		total += size
	}
	return total
}

// LoopLoads is the number of descriptors watched by each event loop, from what
// /proc tells about epoll descriptors. A loop is known by the listening sockets it
// shares with the others: the Go runtime's own epoll has none of them.
func (r *Relay) LoopLoads(t testing.TB) []int {
	t.Helper()
	watched := map[int]map[string]bool{} // epoll descriptor → what it watches
	watchers := map[string]int{}         // descriptor → by how many it is watched
	for fd, target := range r.open(t) {
		if kindOf(target) != "eventpoll" {
			continue
		}
		watched[fd] = watchedBy(fmt.Sprintf("/proc/%d/fdinfo/%d", r.PID, fd))
		for each := range watched[fd] {
			watchers[each]++
		}
	}
	most := 0
	for _, n := range watchers {
		most = max(most, n)
	}
	var loads []int
	for _, set := range watched {
		for each := range set {
			if watchers[each] == most {
				loads = append(loads, len(set))
				break
			}
		}
	}
	return loads
}

// watchedBy is the set of descriptors an epoll descriptor watches: the fdinfo
// has one line "tfd: N events: …" for each.
func watchedBy(fdinfo string) map[string]bool {
	set := map[string]bool{}
	text, _ := os.ReadFile(fdinfo) // gone: watches nothing
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "tfd:"); ok {
			set[strings.Fields(rest)[0]] = true
		}
	}
	return set
}
