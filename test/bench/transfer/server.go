package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
)

// server is a receiver that runs.
type server struct{ *exec.Cmd }

// start runs the receivers that are installed.
func start(dir string) (map[string]*server, error) {
	drop := func(name, port, durability string) string {
		return fmt.Sprintf("[[drop]]\nname = %q\nlisten = [\"127.0.0.1:%s\"]\ndirectory = \"relay\"\nwrite = true\ndurability = %q\n", name, port, durability)
	}
	configs := map[string]string{
		"relay.toml": "[log]\naccess = false\nlevel = \"error\"\n" + drop("synced", relaySynced, "fsync") + drop("unsynced", relayUnsynced, "none"),
		"nginx.conf": "worker_processes 1; daemon off; user root; pid " + dir + "/nginx.pid; error_log " + dir + "/nginx.log;\nevents {}\nhttp { access_log off; " +
			"client_body_temp_path " + dir + "/nginx/.temp; server { listen 127.0.0.1:" + nginxPort + "; client_max_body_size 0; root " + dir +
			"/nginx; location / { dav_methods PUT; create_full_put_path on; } } }\n",
		"rsyncd.conf": "use chroot = no\nuid = root\ngid = root\nport = " + rsyncPort + "\npid file = " + dir + "/rsyncd.pid\n[m]\npath = " + dir + "/rsync\nread only = no\n",
	}
	for name, text := range configs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if err := makeKeys(dir); err != nil {
		fmt.Fprintln(os.Stderr, "left out: scp:", err)
	}
	all := map[string]*server{}
	for name, c := range map[string][]string{
		"relay": {*relay, "run", "--config", dir + "/relay.toml"},
		"nginx": {"nginx", "-c", dir + "/nginx.conf"},
		"scp":   {"/usr/sbin/sshd", "-D", "-e", "-f", dir + "/sshd_config"},
		"rsync": {"rsync", "--daemon", "--no-detach", "--config", dir + "/rsyncd.conf"},
	} {
		if _, err := exec.LookPath(c[0]); err != nil {
			fmt.Fprintln(os.Stderr, "left out:", err)
			continue
		}
		s := &server{exec.Command(c[0], c[1:]...)}
		s.Stderr = os.Stderr
		if err := s.Start(); err != nil {
			return all, err
		}
		all[name] = s
		port := map[string]string{"relay": relayUnsynced, "nginx": nginxPort, "rsync": rsyncPort, "scp": sshPort}[name]
		if err := await("127.0.0.1:" + port); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// makeKeys makes what sshd and scp need to know each other.
func makeKeys(dir string) error {
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd as root insists on it
		return err
	}
	for _, key := range []string{"host", "client"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	return os.WriteFile(filepath.Join(dir, "sshd_config"), []byte("Port "+sshPort+"\nListenAddress 127.0.0.1\nHostKey "+dir+"/host\nAuthorizedKeysFile "+dir+
		"/client.pub\nStrictModes no\nPermitRootLogin yes\nUsePAM no\nPidFile none\nLogLevel ERROR\nSubsystem sftp internal-sftp\n"), 0o600)
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

// cpu is the run time of the process and the children it has now.
func (s *server) cpu() (total time.Duration) {
	pids := []string{strconv.Itoa(s.Process.Pid)}
	for ; len(pids) > 0; pids = pids[1:] {
		tasks, _ := filepath.Glob("/proc/" + pids[0] + "/task/*") // gone: nothing
		for _, task := range tasks {
			text, _ := os.ReadFile(task + "/schedstat")
			if fields := strings.Fields(string(text)); len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				total += time.Duration(ns)
			}
			children, _ := os.ReadFile(task + "/children")
			pids = append(pids, strings.Fields(string(children))...)
		}
	}
	return total
}
