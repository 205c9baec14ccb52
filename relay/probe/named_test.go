package probe

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// want checks one finding.
func (f Finding) want(t *testing.T, level Level, value, mend string) {
	t.Helper()
	if f.Level != level || !strings.Contains(f.Value, value) || !strings.Contains(f.Mend, mend) || (f.Mend == "") != (mend == "") {
		t.Errorf("%s: %s, value %q, mend %q; want %s, %q, %q", f.Check, f.Level, f.Value, f.Mend, level, value, mend)
	}
}

// written is a file with a mode.
func written(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecrets(t *testing.T) {
	m, me := fake(t, nil), os.Getuid()
	for _, c := range []struct {
		name        string
		mode        os.FileMode
		secret      Secret
		user        int
		level       Level
		value, mend string
	}{
		{name: "a good one", mode: 0o640, user: me, level: OK, value: "mode 0640"},
		{name: "hashes that all may read", mode: 0o644, user: me, level: OK},
		{name: "a token that all may read", mode: 0o644, secret: Secret{Clear: true}, user: me, level: Warning, mend: "chmod o-r"},
		{name: "all may write", mode: 0o666, user: me, level: Warning, mend: "chmod o-w"},
		{name: "the group may write", mode: 0o660, user: me, level: Note, mend: "chmod g-w"},
		{name: "its lines are wrong", mode: 0o640, secret: Secret{Err: errors.New("line 3\nline 4")}, user: me, level: Problem, value: "line 3; line 4", mend: "mend that"},
	} {
		c.secret.Check, c.secret.Path = c.name, written(t, "x", c.mode)
		m.user = func() int { return c.user }
		m.secret(c.secret).want(t, c.level, c.value, c.mend)
	}
	m.user = func() int { return 12345 }
	if me != 0 { // root's files are nobody's to worry about
		m.secret(Secret{Check: "another's", Path: written(t, "x", 0o644)}).want(t, Note, "", "can change it")
	} else {
		m.user = os.Getuid
		m.secret(Secret{Check: "root's alone", Path: written(t, "x", 0o600)}).want(t, Note, "", "chgrp")
	}
	m.secret(Secret{Check: "none", Path: "/nowhere", Mend: "make it"}).want(t, Problem, "there is no /nowhere", "make it")
}

func TestPrograms(t *testing.T) {
	m := fake(t, nil)
	for _, c := range []struct {
		name, path  string
		level       Level
		value, mend string
	}{
		{"a script", written(t, "#!/bin/sh -e\n", 0o755), OK, "mode 0755", ""},
		{"a program", written(t, "\x7fELF", 0o755), OK, "", ""},
		{"none", "/nowhere", Problem, "there is no /nowhere", "install"},
		{"not for running", written(t, "#!/bin/sh\n", 0o644), Problem, "mode 0644", "chmod +x"},
		{"a script for nothing", written(t, "#! /nowhere/python\n", 0o755), Problem, "", "/nowhere/python"},
		{"a directory", t.TempDir(), Problem, "is no file", "name a program"},
		{"anybody's", written(t, "#!/bin/sh\n", 0o777), Warning, "", "chmod o-w"},
	} {
		m.program(Program{Check: c.name, Path: c.path}).want(t, c.level, c.value, c.mend)
	}
}

// Who has an address is found in /proc; only relay may have it already.
func TestAddresses(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	m := fake(t, map[string]string{
		"proc/net/tcp": head +
			"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1\n" +
			"   1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 502 1\n" +
			"   2: 0100007F:1F92 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 501 1\n" +
			"   3: 0100007F:1F94 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 504 1",
		"proc/net/tcp6": head +
			"   0: 00000000000000000000000001000000:1F93 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 503 1",
		"proc/net/unix": "Num       RefCount Protocol Flags    Type St Inode Path\n" +
			"0000000000000000: 00000002 00000000 00010000 0001 01 601 /run/web.sock\n" +
			"0000000000000000: 00000003 00000000 00000000 0001 03 601 /run/connected.sock\n" +
			"0000000000000000: 00000002 00000000 00010000 0001 01 602 @web",
		"proc/77/comm": "relay", "proc/78/comm": "nginx", "proc/1/comm": "systemd",
	})
	for path, to := range map[string]string{
		"77/fd/5": "socket:[501]", "77/fd/6": "socket:[601]", "78/fd/3": "socket:[502]", "78/fd/4": "socket:[602]",
		"1/fd/9": "socket:[503]", "1/fd/8": "socket:[501]",
	} {
		at := filepath.Join(m.Root, "proc", path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.Symlink(to, at)); err != nil {
			t.Fatal(err)
		}
	}
	taken := error(unix.EADDRINUSE)
	for _, c := range []struct {
		at          string
		err         error
		level       Level
		value, mend string
	}{
		{"127.0.0.1:8080", nil, OK, "is free", ""},
		{"127.0.0.1:8080", taken, OK, "relay's already (process 77)", ""},
		{"0.0.0.0:8080", taken, OK, "relay's already", ""},
		{"127.0.0.1:8081", taken, Problem, "nginx (process 78)", "stop that"},
		{"127.0.0.1:8082", taken, Note, "cannot see", "process 77"}, // a connection of relay's is no listener
		{"127.0.0.1:8084", taken, Note, "cannot see", "process 77"},
		{"[::1]:8083", taken, Note, "systemd", "socket unit"},
		{"127.0.0.1:80", unix.EACCES, Note, "privilege", "low ports"},
		{"192.0.2.1:80", unix.EADDRNOTAVAIL, Problem, "no such address", "ip addr"},
		{"[::1]:80", unix.EAFNOSUPPORT, Problem, "not supported", "IPv6"},
	} {
		m.bind = func(netip.AddrPort) error { return c.err }
		m.address(Address{Check: c.at, TCP: netip.MustParseAddrPort(c.at)}).want(t, c.level, c.value, c.mend)
	}
	file := written(t, "", 0o600)
	for _, c := range []struct {
		at          string
		level       Level
		value, mend string
	}{
		{"/run/web.sock", OK, "relay's already", ""},
		{"@web", Problem, "nginx", "stop that"},
		{"@other", OK, "is free", ""},
		{file, Problem, "no socket", "remove"},
		{file + "2", OK, "is free", ""},
		{"/nowhere/web.sock", Problem, "there is no /nowhere", "mkdir"},
	} {
		m.address(Address{Check: c.at, Unix: c.at}).want(t, c.level, c.value, c.mend)
	}
	if err := os.RemoveAll(filepath.Join(m.Root, "proc/77")); err != nil {
		t.Fatal(err)
	}
	m.bind = func(netip.AddrPort) error { return taken }
	m.address(Address{Check: "no relay runs", TCP: netip.MustParseAddrPort("127.0.0.1:8082")}).want(t, Warning, "cannot see", "no relay runs")
}

// Binding finds out without anybody noticing, and says the same as listening would.
func TestTryBind(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	if err := tryBind(at); err != unix.EADDRINUSE {
		t.Errorf("%s, which is taken: %v", at, err)
	}
	by := This(Report{}).listeners(at)
	if !slices.ContainsFunc(by, func(p process) bool { return p.id == os.Getpid() }) {
		t.Errorf("it is taken by %+v", by)
	}
	l.Close()
	if err := tryBind(netip.MustParseAddrPort("127.0.0.1:0")); err != nil { // that port may be another's by now
		t.Errorf("one that is free: %v", err)
	}
	if err := tryBind(netip.MustParseAddrPort("192.0.2.1:80")); err == nil {
		t.Error("it has the address of a document")
	}
}
