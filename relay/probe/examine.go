package probe

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Needs is what a configuration asks of the machine, as plain values.
type Needs struct {
	PipeSize    int   // bytes
	PipeBudget  int64 // bytes
	SpliceChunk int   // bytes; the largest of any listener, upstream or drop
	SessionsMax int64 // 0 = what the limit of descriptors allows
	Backlog     int   // of every listening socket
	LowestPort  int   // of the TCP ports to listen on; 0 = none
	Transparent bool  // sessions reach their backend with the client's address
	Backends    int   // TCP addresses that sessions are connected to
	Bundles     int64 // descriptors that files may take which come in bundles
	Drops       []DropNeeds
}

// DropNeeds is a drop's part of it.
type DropNeeds struct {
	Name, Directory string
	Write           bool // files are put into it
}

// Machine is where the checks look. The functions are the seam at which tests put
// another machine.
type Machine struct {
	Root    string // of proc and sys; "/" but in tests
	Report  Report // what Run found by trying
	capable func(capability int) bool
	limit   func() (descriptors int64)
	grant   func(size int) int // what a pipe of this size gets, in bytes
	feature func(name string) features
	attempt func() attempts
	files   func(directory string) fileSystem
	bind    func(netip.AddrPort) error
	user    func() int // who this process is
}

// This is the machine we run on.
func This(r Report) *Machine {
	return &Machine{
		Root: "/", Report: r, capable: capable, limit: descriptorLimit, grant: grantedPipe,
		feature: askFeatures, attempt: attemptSockets, files: tryDirectory, bind: tryBind, user: os.Geteuid,
	}
}

// Examine runs every check. It takes a few milliseconds, leaves nothing behind, and
// needs no privilege.
func (m *Machine) Examine(n Needs) Findings {
	var all Findings
	for _, g := range []struct {
		name   string
		checks func(Needs) []*verdict
	}{
		{"kernel", m.kernel},
		{"pipes", m.pipes},
		{"limits", m.limits},
		{"TCP", m.tcp},
		{"network", m.network},
		{"privileges", m.privileges},
		{"drops", m.drops},
	} {
		for _, v := range g.checks(n) {
			v.Group = g.name
			all = append(all, v.Finding)
		}
	}
	return all
}

// text is a file below the root, without the space around it; "" if it cannot be read.
func (m *Machine) text(path string) string {
	b, _ := os.ReadFile(filepath.Join(m.Root, path))
	return strings.TrimSpace(string(b))
}

func (m *Machine) exists(path string) bool {
	_, err := os.Stat(filepath.Join(m.Root, path))
	return err == nil
}

// sysctl is the text of a setting, by its name with dots.
func (m *Machine) sysctl(name string) string {
	return m.text("proc/sys/" + strings.ReplaceAll(name, ".", "/"))
}

// number is the first number of a setting, or missing if there is none.
func (m *Machine) number(name string, missing int64) int64 {
	if all := m.numbers(name); len(all) > 0 {
		return all[0]
	}
	return missing
}

func (m *Machine) numbers(name string) (all []int64) {
	for _, word := range strings.Fields(m.sysctl(name)) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}

// descriptorLimit is the hard limit, to which relay raises the soft one.
func descriptorLimit() int64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int64(min(l.Max, 1<<40))
}
