//go:build e2e

package e2e

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// sshServer is an sshd behind a relay, with keys made for it.
type sshServer struct {
	user    string
	options []string // what makes ssh and scp find and trust it, and nothing else
}

// startSSH runs one for the user who runs the tests.
func startSSH(t testing.TB) *sshServer {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	address, dir := freeAddress(t, "127.0.0.1"), t.TempDir()
	hostKey, clientKey := sshKey(t, dir, "host"), sshKey(t, dir, "client")
	conf := write(t, filepath.Join(dir, "sshd_config"), sshdConfig(address, hostKey, clientKey))
	if os.Getuid() == 0 {
		// Debian's service makes it at boot, and may never have run here.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program(t, "sshd", "-D", "-e", "-f", conf).serve(t, address)
	r := startProxy(t, "auto", address)
	known := write(t, filepath.Join(dir, "known_hosts"), "behind-relay "+read(t, hostKey+".pub"))
	return &sshServer{user: me.Username, options: []string{
		"-F", "none", "-i", clientKey,
		"-o", "Port=" + portOf(t, r.Address(t, "web")), "-o", "HostKeyAlias=behind-relay",
		"-o", "UserKnownHostsFile=" + known, "-o", "StrictHostKeyChecking=yes",
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
	}}
}

// sshdConfig lets in whoever has the client's key.
func sshdConfig(address, hostKey, clientKey string) string {
	return strings.Join([]string{
		"ListenAddress " + address,
		"HostKey " + hostKey,
		"PidFile none",
		"AuthorizedKeysFile " + clientKey + ".pub",
		"PermitRootLogin prohibit-password",
		"PasswordAuthentication no",
		"StrictModes no", // the keys are under /tmp
		"UsePAM no",
		"Subsystem sftp internal-sftp",
	}, "\n") + "\n"
}

// sshKey makes a key pair and returns the path of its private half.
func sshKey(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	program(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path).ok(t)
	return path
}

// ssh prepares a command on the other side.
func (s *sshServer) ssh(t testing.TB, command string) *process {
	t.Helper()
	return program(t, "ssh", append(s.options[:len(s.options):len(s.options)], s.user+"@127.0.0.1", command)...)
}

// remote is a path on the other side, for scp.
func (s *sshServer) remote(path string) string { return s.user + "@127.0.0.1:" + path }

// TestScp copies both ways by the protocol of today (SFTP) and by the old one.
func TestScp(t *testing.T) {
	s := startSSH(t)
	for name, protocol := range map[string]string{"sftp": "-s", "scp": "-O"} {
		t.Run(name, func(t *testing.T) {
			there, back := filepath.Join(t.TempDir(), "there"), filepath.Join(t.TempDir(), "back")
			options := append([]string{"-q", protocol}, s.options...)
			program(t, "scp", append(options, big(t), s.remote(there))...).ok(t)
			wantSame(t, there, big(t))
			program(t, "scp", append(options, s.remote(there), back)...).ok(t)
			wantSame(t, back, big(t))
		})
	}
}

// TestSSH runs commands: a word, an exit code, and a stream each way at the same time.
func TestSSH(t *testing.T) {
	s := startSSH(t)
	if got := s.ssh(t, "echo here").ok(t); got != "here\n" {
		t.Errorf("the command said %q", got)
	}
	s.ssh(t, "exit 7").want(t, 7)
	cat, got := s.ssh(t, "cat").input(t, big(t)).output(t)
	cat.ok(t)
	wantSame(t, got, big(t))
}

// TestSSHKeystrokes is a session that says a byte at a time, and waits for each answer.
func TestSSHKeystrokes(t *testing.T) {
	s := startSSH(t)
	p := s.ssh(t, "cat")
	keys, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start(t)
	for _, key := range []string{"l", "s", "\n"} {
		before := p.stdout.String()
		if _, err := keys.Write([]byte(key)); err != nil {
			t.Fatal(err)
		}
		p.waitOutput(t, before+key)
	}
	keys.Close()
	if code := p.wait(t); code != 0 {
		t.Errorf("ssh ended with code %d", code)
	}
}
