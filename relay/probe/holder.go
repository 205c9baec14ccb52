package probe

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Who listens on an address, as proc(5) tells it: a table of sockets has their inodes, and the
// descriptors of a process name them. Those of another user's processes are root's to see.

// process is one that has a socket.
type process struct {
	id    int
	name  string
	relay bool // it runs this program
}

// listeners are the processes that listen on an address, or on one that stands in its way.
func (m *Machine) listeners(at netip.AddrPort) []process {
	inodes := map[string]bool{}
	for _, table := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		for line := range strings.Lines(m.text(table)) {
			const local, state, inode, listen = 1, 3, 9, "0A"
			words := strings.Fields(line)
			if len(words) <= inode || words[state] != listen {
				continue
			}
			if has, ok := procAddress(words[local]); ok && inTheWay(has, at) {
				inodes["socket:["+words[inode]+"]"] = true
			}
		}
	}
	return m.holders(inodes)
}

// inTheWay reports that nobody can listen on want while somebody listens on has.
func inTheWay(has, want netip.AddrPort) bool {
	a, b := has.Addr(), want.Addr()
	return has.Port() == want.Port() && (a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified()))
}

// procAddress reads an address of /proc/net/tcp or tcp6: words of 32 bits in the order of the
// machine, and the port.
func procAddress(s string) (netip.AddrPort, bool) {
	text, port, _ := strings.Cut(s, ":")
	words, err := hex.DecodeString(text)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(words)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	a, ok := netip.AddrFromSlice(words)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// unixListeners are the processes that listen on the path of a unix socket; false says that
// nobody does.
func (m *Machine) unixListeners(path string) (by []process, listens bool) {
	absolute, _ := filepath.Abs(path)
	inodes := map[string]bool{}
	for line := range strings.Lines(m.text("proc/net/unix")) {
		const flags, inode, name, accepts = 3, 6, 7, "00010000"
		words := strings.Fields(line)
		if len(words) <= name || words[flags] != accepts {
			continue
		}
		if at := strings.Join(words[name:], " "); at == path || at == absolute {
			inodes["socket:["+words[inode]+"]"] = true
		}
	}
	return m.holders(inodes), len(inodes) > 0
}

// holders are the processes that have one of these sockets.
func (m *Machine) holders(inodes map[string]bool) (all []process) {
	if len(inodes) == 0 {
		return nil
	}
	for _, p := range m.processes() {
		descriptors, _ := filepath.Glob(filepath.Join(m.Root, "proc", strconv.Itoa(p.id), "fd", "*"))
		for _, path := range descriptors {
			if what, err := os.Readlink(path); err == nil && inodes[what] {
				all = append(all, p)
				break
			}
		}
	}
	return all
}

// aRelay is a process of this program, other than this one.
func (m *Machine) aRelay() (process, bool) {
	for _, p := range m.processes() {
		if p.relay && p.id != os.Getpid() {
			return p, true
		}
	}
	return process{}, false
}

func (m *Machine) processes() (all []process) {
	self, _ := os.Executable()
	paths, _ := filepath.Glob(filepath.Join(m.Root, "proc", "[0-9]*"))
	for _, path := range paths {
		id, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		p := process{id: id, name: m.text(filepath.Join("proc", filepath.Base(path), "comm"))}
		program, _ := os.Readlink(filepath.Join(path, "exe"))
		p.relay = p.name == "relay" || program != "" && program == self
		all = append(all, p)
	}
	return all
}

// zoneIndex is the number of a network interface.
func zoneIndex(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}
