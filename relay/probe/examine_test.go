package probe

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// healthy is what /proc and /sys say on a machine on which everything is fine.
var healthy = map[string]string{
	"proc/sys/fs/pipe-max-size":                          "1048576",
	"proc/sys/fs/pipe-user-pages-soft":                   "0",
	"proc/sys/fs/pipe-user-pages-hard":                   "0",
	"proc/sys/net/core/somaxconn":                        "4096",
	"proc/sys/net/ipv4/tcp_max_syn_backlog":              "4096",
	"proc/sys/net/ipv4/ip_local_port_range":              "1024\t65535",
	"proc/sys/net/ipv4/tcp_max_tw_buckets":               "262144",
	"proc/sys/net/ipv4/tcp_tw_reuse":                     "1",
	"proc/sys/net/ipv4/tcp_rmem":                         "4096\t131072\t33554432",
	"proc/sys/net/ipv4/tcp_wmem":                         "4096\t16384\t4194304",
	"proc/sys/net/ipv4/tcp_mem":                          "100000\t200000\t300000",
	"proc/sys/net/ipv4/tcp_fastopen":                     "3",
	"proc/sys/net/ipv4/tcp_congestion_control":           "cubic",
	"proc/sys/net/ipv4/tcp_available_congestion_control": "reno cubic",
	"proc/sys/net/ipv4/ip_unprivileged_port_start":       "1024",
	"proc/sys/net/mptcp/enabled":                         "1",
	"proc/net/sockstat":                                  "sockets: used 9\nTCP: inuse 4 orphan 0 tw 10 alloc 5 mem 70\nUDP: inuse 0 mem 0",
	"sys/class/net/eth0/flags":                           "0x1003",
	"sys/class/net/eth0/mtu":                             "1500",
	"sys/class/net/eth0/speed":                           "10000",
	"sys/class/net/ifb0/flags":                           "0x82",
}

var usual = Needs{
	PipeSize: 1 << 20, PipeBudget: 256 << 20, SpliceChunk: 1 << 20, Backlog: 4096, LowestPort: 8080, Backends: 2,
	Drops: []DropNeeds{{Name: "files", Directory: "/srv/files"}},
}

// fake is a machine made of those files, with some changed ("" takes one away).
func fake(t *testing.T, changed map[string]string) *Machine {
	t.Helper()
	files := maps.Clone(healthy)
	maps.Copy(files, changed)
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if text == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Machine{
		Root: root,
		Report: Report{
			Kernel: "6.12.1", SpliceSockets: true, SpliceFiles: true, SpliceToFile: true, Sendfile: true,
			FilePages: ByReference, Cachestat: true, Openat2: true, ResolveCached: true,
		},
		capable: func(int) bool { return true },
		limit:   func() int64 { return 1 << 20 },
		grant:   func(size int) int { return size },
		feature: func(string) features { return features{{scatterGather, "sg", true, true}, {"TSO", "tso", true, true}} },
		attempt: func() attempts { return attempts{mptcp: true, tls: true} },
		bind:    func(netip.AddrPort) error { return nil },
		user:    os.Getuid,
		files: func(string) fileSystem {
			return fileSystem{name: "xfs", free: 1 << 30, writable: true, unnamed: true, xattr: true, reflink: true}
		},
	}
}

func (f Findings) named(t *testing.T, check string) Finding {
	t.Helper()
	for _, x := range f {
		if x.Check == check {
			return x
		}
	}
	t.Fatalf("no check %q", check)
	return Finding{}
}

func TestAHealthyMachineIsFine(t *testing.T) {
	for _, x := range fake(t, nil).Examine(usual) {
		if x.Level != OK || x.Value == "" || x.Why == "" || x.Group == "" {
			t.Errorf("%+v", x)
		}
	}
}

// What is no session is set aside, and leaves most to sessions however few there are.
func TestDescriptorsAreSharedOut(t *testing.T) {
	for _, c := range []struct {
		descriptors int64
		needs       Needs
		want        Shares
	}{
		{20000, Needs{PipeSize: 1 << 20, PipeBudget: 256 << 20}, Shares{Sessions: (20000 - Reserve - 512) / 2, Pipes: 256}},
		{20000, Needs{PipeSize: 1 << 20, PipeBudget: 256 << 20, Bundles: 640}, Shares{Sessions: (20000 - Reserve - 512 - 640) / 2, Pipes: 256, Bundles: 640}},
		{1024, Needs{PipeSize: 1 << 20, PipeBudget: 256 << 20, Bundles: 640}, Shares{Sessions: (1024 - Reserve - 256 - 128) / 2, Pipes: 128, Bundles: 128}},
		{1024, Needs{Bundles: 640}, Shares{Sessions: (1024 - Reserve - 128) / 2, Bundles: 128}},
		{64, Needs{PipeSize: 1 << 20, PipeBudget: 256 << 20, Bundles: 640}, Shares{Sessions: 1, Pipes: 8, Bundles: 8}},
	} {
		if got := Divide(c.descriptors, c.needs); got != c.want {
			t.Errorf("of %d: %+v, want %+v", c.descriptors, got, c.want)
		}
	}
}

func TestSettingsThatStandInTheWay(t *testing.T) {
	for _, c := range []struct {
		check string
		level Level
		mend  string // a part of it
		files map[string]string
		needs func(*Needs)
		turn  func(*Machine)
	}{
		{check: "release", level: Note, turn: func(m *Machine) { m.Report.Kernel = "6.1.0-18-amd64" }},
		{check: "release", level: Problem, turn: func(m *Machine) { m.Report.Kernel = "5.4.0" }},
		{check: "splice, socket to socket", level: Warning, mend: "SystemCallFilter", turn: func(m *Machine) { m.Report.SpliceSockets = false }},
		{check: "pages of a file", level: Warning, turn: func(m *Machine) { m.Report.FilePages = Copied }},
		{check: "openat2", level: Note, turn: func(m *Machine) { m.Report.Openat2 = false }},
		{check: "cachestat", level: Note, turn: func(m *Machine) { m.Report.Cachestat = false }},
		{
			check: "pipe size", level: Warning, mend: "fs.pipe-max-size=1048576",
			files: map[string]string{"proc/sys/fs/pipe-max-size": "65536"}, turn: func(m *Machine) { m.grant = func(int) int { return 65536 } },
		},
		{
			check: "pipes of a user, soft", level: Warning, mend: "fs.pipe-user-pages-soft=65536",
			files: map[string]string{"proc/sys/fs/pipe-user-pages-soft": "16384"}, turn: nobody,
		},
		{check: "pipes of a user, soft", level: OK, files: map[string]string{"proc/sys/fs/pipe-user-pages-soft": "16384"}},
		{check: "pipes of a user, hard", level: Warning, files: map[string]string{"proc/sys/fs/pipe-user-pages-hard": "16384"}, turn: nobody},
		{check: "chunk", level: Note, mend: `pipe_size = "4MiB"`, needs: func(n *Needs) { n.SpliceChunk = 4 << 20 }},
		{check: "descriptors", level: Problem, mend: "LimitNOFILE", needs: func(n *Needs) { n.SessionsMax = 1 << 30 }},
		{check: "descriptors", level: Warning, mend: "LimitNOFILE", turn: func(m *Machine) { m.limit = func() int64 { return 1024 } }},
		{check: "backlog", level: Warning, mend: "somaxconn=4096", files: map[string]string{"proc/sys/net/core/somaxconn": "128"}},
		{check: "local ports", level: Warning, mend: "ip_local_port_range", files: map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "60000 61000"}},
		{check: "local ports", level: Note, files: map[string]string{"proc/sys/net/ipv4/ip_local_port_range": ""}},
		{check: "local ports", level: Note, mend: "tw_reuse", files: map[string]string{"proc/sys/net/ipv4/tcp_tw_reuse": "0"}},
		{check: "TIME_WAIT", level: Warning, files: map[string]string{"proc/net/sockstat": "TCP: inuse 4 orphan 0 tw 60000 alloc 5 mem 70"}},
		{check: "TCP memory", level: Warning, files: map[string]string{"proc/net/sockstat": "TCP: inuse 4 orphan 0 tw 0 alloc 5 mem 200000"}},
		{check: "receive buffer", level: Warning, mend: "tcp_rmem='4096 131072 4194304'", files: map[string]string{"proc/sys/net/ipv4/tcp_rmem": "4096 131072 1048576"}},
		{check: "congestion control", level: Note, files: map[string]string{"proc/sys/net/ipv4/tcp_congestion_control": "reno"}},
		{check: "MPTCP", level: Note, files: map[string]string{"proc/sys/net/mptcp/enabled": "0"}},
		{check: "TCP fast open", level: Note, files: map[string]string{"proc/sys/net/ipv4/tcp_fastopen": "1"}},
		{check: "kTLS", level: Note, turn: func(m *Machine) { m.attempt = func() attempts { return attempts{mptcp: true} } }},
		{check: "eth0", level: Warning, mend: "sg on", turn: without(scatterGather, "sg")},
		{check: "eth0", level: Note, mend: "ethtool -K eth0 tso on", turn: without("TSO", "tso")},
		{check: "eth0", level: Note, turn: func(m *Machine) { m.feature = func(string) features { return nil } }},
		{
			check: "conntrack", level: Note, mend: "notrack",
			files: map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "1000", "proc/sys/net/netfilter/nf_conntrack_count": "10"},
		},
		{
			check: "conntrack", level: Warning, mend: "nf_conntrack_max=4000",
			files: map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "1000", "proc/sys/net/netfilter/nf_conntrack_count": "900"},
		},
		{check: "low ports", level: Problem, mend: "CAP_NET_BIND_SERVICE", needs: func(n *Needs) { n.LowestPort = 443 }, turn: nobody},
		{check: "low ports", level: OK, needs: func(n *Needs) { n.LowestPort = 443 }},
		{check: "transparent", level: Problem, mend: "CAP_NET_ADMIN", needs: func(n *Needs) { n.Transparent = true }, turn: nobody},
		{check: "CAP_SYS_RESOURCE", level: Note, turn: nobody},
		{check: "files", level: Warning, turn: directory(func(fs *fileSystem) { fs.unnamed = false })},
		{check: "files", level: Warning, mend: "user_xattr", turn: directory(func(fs *fileSystem) { fs.xattr = false })},
		{check: "files", level: Note, turn: directory(func(fs *fileSystem) { fs.reflink = false })},
		{check: "files", level: Note, turn: directory(func(fs *fileSystem) { fs.elsewhere = []string{"big"} })},
		{check: "files", level: Note, turn: directory(func(fs *fileSystem) { fs.writable = false })},
		{check: "files", level: Problem, mend: "chown", needs: func(n *Needs) { n.Drops = []DropNeeds{{Name: "files", Write: true}} }, turn: directory(func(fs *fileSystem) { fs.writable = false })},
		{check: "files", level: Problem, mend: "mkdir", turn: directory(func(fs *fileSystem) { fs.err = unix.ENOENT })},
	} {
		m, n := fake(t, c.files), usual
		if c.turn != nil {
			c.turn(m)
		}
		if c.needs != nil {
			c.needs(&n)
		}
		x := m.Examine(n).named(t, c.check)
		if x.Level != c.level || !strings.Contains(x.Mend, c.mend) {
			t.Errorf("%s: want %s and %q to mend it, found %+v", c.check, c.level, c.mend, x)
		}
		if x.Level != OK && x.Level != Note && x.Mend == "" {
			t.Errorf("%s: nothing mends it: %+v", c.check, x)
		}
	}
}

func nobody(m *Machine) { m.capable = func(int) bool { return false } }

func without(name, flag string) func(*Machine) {
	return func(m *Machine) { m.feature = func(string) features { return features{{name, flag, true, false}} } }
}

func directory(change func(*fileSystem)) func(*Machine) {
	return func(m *Machine) {
		whole := m.files("")
		m.files = func(string) fileSystem {
			fs := whole
			change(&fs)
			return fs
		}
	}
}

func TestAnEmptyRootIsNoPanic(t *testing.T) {
	m := fake(t, nil)
	m.Root = t.TempDir()
	if f := m.Examine(usual); len(f) < 20 {
		t.Errorf("only %d findings", len(f))
	}
}

// What this machine is like is not asserted; that every check has an answer, nothing is
// left behind and no privilege is needed is.
func TestTheRealMachine(t *testing.T) {
	dir := t.TempDir()
	n := usual
	n.Drops = []DropNeeds{{Name: "here", Directory: dir}}
	before := openDescriptors(t)
	found := This(Run()).Examine(n)
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors open after the examination, %d before", after, before)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left in the drop: %v", left)
	}
	for _, x := range found {
		t.Logf("%-8s %-26s %s", x.Level, x.Check, x.Value)
		if x.Value == "" || x.Why == "" || rank[x.Level] > 1 && x.Mend == "" {
			t.Errorf("incomplete: %+v", x)
		}
	}
	if fs := tryDirectory(dir); fs.err != nil || !fs.writable {
		t.Errorf("%+v", fs)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
