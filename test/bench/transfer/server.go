package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The ports of the receivers. The benchmark has the machine to itself.
const (
	relaySynced   = "19801"
	relayUnsynced = "19802"
	nginxPort     = "19803"
	rsyncPort     = "19804"
	sshPort       = "19805"
	hopPort       = "19806"
	farPort       = "19807"
	hopUnsynced   = "19808"
	farUnsynced   = "19809"
)

var serverNames = []string{"relay", "hop", "far", "nginx", "rsync", "scp", hostB, hostC}

// server is a receiver that runs.
type server struct{ *exec.Cmd }

// start runs the receivers that are installed; hosts says that some are to be on hosts of their own.
func start(dir string, hosts bool) (map[string]*server, error) {
	for name, text := range configs(dir) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	noKeys := makeKeys(dir)
	if noKeys != nil {
		fmt.Fprintln(os.Stderr, "left out: scp:", noKeys)
	}
	noHosts := errUnwanted
	if hosts {
		if noHosts = joinHosts(); noHosts != nil {
			fmt.Fprintln(os.Stderr, "left out: hosts of their own:", noHosts)
		}
	}
	all := map[string]*server{}
	for name, c := range map[string]struct {
		port    string
		command []string
	}{
		"relay": {relayUnsynced, []string{*relay, "run", "--config", dir + "/relay.toml"}},
		"hop":   {hopPort, []string{*relay, "run", "--config", dir + "/hop.toml"}},
		"far":   {farPort, []string{*relay, "run", "--config", dir + "/far.toml"}},
		"nginx": {nginxPort, []string{"nginx", "-c", dir + "/nginx.conf"}},
		"scp":   {sshPort, []string{"/usr/sbin/sshd", "-D", "-e", "-f", dir + "/sshd_config"}},
		"rsync": {rsyncPort, []string{"rsync", "--daemon", "--no-detach", "--config", dir + "/rsyncd.conf"}},
		hostB:   {"", onHost(hostB, *relay, "run", "--config", dir+"/"+hostB+".toml")},
		hostC:   {"", onHost(hostC, *relay, "run", "--config", dir+"/"+hostC+".toml")},
	} {
		if name == "scp" && noKeys != nil || (name == hostB || name == hostC) && noHosts != nil {
			continue // it would end at once
		}
		if _, err := exec.LookPath(c.command[0]); err != nil {
			fmt.Fprintln(os.Stderr, "left out:", err)
			continue
		}
		s := &server{exec.Command(c.command[0], c.command[1:]...)}
		s.Stderr = os.Stderr
		if err := s.Start(); err != nil {
			return all, err
		}
		all[name] = s
		if c.port == "" {
			continue // on another host; relay send tries until it is there
		}
		if err := await("127.0.0.1:" + c.port); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// configs are the receivers' files. relay's ask for nothing but what each is for.
func configs(dir string) map[string]string {
	const quiet, unsynced = "[log]\naccess = false\nlevel = \"error\"\n", "durability = \"none\"\n"
	const open = "open = true\n" // there is nobody else on those hosts
	at := func(address, directory, rest string) string {
		return fmt.Sprintf("[[drop]]\nname = %q\nlisten = [%q]\ndirectory = %q\nwrite = true\n%s\n", directory+"-"+address[strings.IndexByte(address, ':')+1:], address, directory, rest)
	}
	drop := func(port, directory, rest string) string { return at("127.0.0.1:"+port, directory, rest) }
	forward := func(url string) string { return "[[drop.forward]]\nto = \"" + url + "/\"\n" }
	return map[string]string{
		"relay.toml": quiet + drop(relaySynced, "relay", "") + drop(relayUnsynced, "relay", unsynced),
		"hop.toml":   quiet + drop(hopPort, "hop", forward(localAddress+farPort)) + drop(hopUnsynced, "hop2", unsynced+forward(localAddress+farUnsynced)),
		"far.toml":   quiet + drop(farPort, "far", "") + drop(farUnsynced, "far2", unsynced),
		hostB + ".toml": quiet + at(addressB+":"+hopPort, "between", open+forward("http://"+addressC+":"+farPort)) +
			at(addressB+":"+farPort, "near", open),
		hostC + ".toml": quiet + at(addressC+":"+farPort, "away", open),
		"nginx.conf": "worker_processes 1; daemon off; user root; pid " + dir + "/nginx.pid; error_log " + dir + "/nginx.log;\nevents {}\nhttp { access_log off; " +
			"keepalive_requests 1000000; client_body_temp_path " + dir + "/nginx/.temp; server { listen 127.0.0.1:" + nginxPort + "; client_max_body_size 0; root " + dir +
			"/nginx; location / { dav_methods PUT; create_full_put_path on; } } }\n",
		"rsyncd.conf": "use chroot = no\nuid = root\ngid = root\nport = " + rsyncPort + "\npid file = " + dir + "/rsyncd.pid\n[m]\npath = " + dir + "/rsync\nread only = no\n",
	}
}

// makeKeys makes what sshd and scp need to know each other.
func makeKeys(dir string) error {
	if err := os.MkdirAll("/run/sshd", directoryMode); err != nil { // sshd as root insists on it
		return err
	}
	for _, key := range []string{"host", "client"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	return os.WriteFile(filepath.Join(dir, "sshd_config"), []byte("Port "+sshPort+"\nListenAddress 127.0.0.1\nHostKey "+dir+"/host\nAuthorizedKeysFile "+dir+
		"/client.pub\nStrictModes no\nPermitRootLogin yes\nUsePAM no\nPidFile none\nLogLevel QUIET\nSubsystem sftp internal-sftp\n"), 0o600)
}

// await waits until somebody listens.
func await(address string) error {
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(until) {
			return err
		}
	}
}

func (s *server) stop() {
	_ = s.Process.Signal(syscall.SIGTERM)
	_ = s.Wait() // ended by the signal
}
