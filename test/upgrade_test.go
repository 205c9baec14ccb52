package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Sessions of all kinds live through upgrades in mid-flight: not one is broken, and not
// one byte is lost, repeated or out of order. What a request has to wait is told, not
// judged: the machine may be busy.
func TestUpgradeMovesSessions(t *testing.T) {
	t.Parallel()
	sessions, upgrades := 60, 3
	if testing.Short() {
		sessions, upgrades = 20, 2
	}
	if harness.Full {
		sessions, upgrades = 1000, 10
	}
	r := setup{}.start(t)
	j := r.depart(t, sessions)
	var windows [][2]time.Time
	for range upgrades {
		began := time.Now()
		l := r.Upgrade(t)
		windows = append(windows, [2]time.Time{began, time.Now()})
		wantMoved(t, l, sessions)
		t.Logf("the longest pause of a batch was %.1f ms, all took %.0f ms", l.Field("pause_ms"), l.Field("took_ms"))
	}
	j.arrive(t, r)
	j.pauses(t, windows)
	r.open(t).ping(t)
}

// The same over unix sockets, whose file stays until the last process ends.
func TestUpgradeOverUnixSockets(t *testing.T) {
	t.Parallel()
	r := setup{listen: "unix", backends: []string{"unix"}}.start(t)
	path := strings.TrimPrefix(r.Address(t, "web"), "unix:")
	p := r.open(t)
	for range 2 {
		p.ping(t)
		r.Upgrade(t)
	}
	p.ping(t)
	r.open(t).ping(t)
	r.closeConns()
	r.Stop(t)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the file of the socket is still there: %v", err)
	}
}

// No client is refused or left without an answer while processes change.
func TestUpgradeRefusesNobody(t *testing.T) {
	t.Parallel()
	server := greeter(t, "hello")
	r := harness.Start(t, harness.Proxy(server.Address))
	address := r.Address(t, "web")
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var calls [4]int
	for i := range calls {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := greeting(address); err != nil || got != "hello" {
					t.Errorf("a call was answered by %q, %v", got, err)
					return
				}
				calls[i]++
			}
		})
	}
	for range 3 {
		r.Upgrade(t)
	}
	close(stop)
	callers.Wait()
	t.Logf("calls meanwhile: %v", calls)
}

// Ten upgrades leave no descriptor behind, with every privilege and with none.
func TestUpgradeLeavesNoDescriptor(t *testing.T) {
	for name, o := range map[string]harness.Options{"as started": {}, "unprivileged": {Unprivileged: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upgrades := 10
			if testing.Short() {
				upgrades = 3
			}
			r := setup{options: o}.start(t)
			j := r.depart(t, 20)
			first := r.Descriptors(t)
			for range upgrades {
				wantMoved(t, r.Upgrade(t), 20)
				harness.Eventually(t, "as many descriptors as in the first process", func() (bool, any) {
					now := r.Descriptors(t)
					return now.Within(first) && now["socket"] == first["socket"], now
				})
			}
			j.arrive(t, r)
		})
	}
}

// copyProgram puts a copy of the program where the test can replace it.
func copyProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(harness.Directory(t), "relay")
	placeProgram(t, path)
	return path
}

// placeProgram puts the program at a path, at once, in the place of what is there.
func placeProgram(t *testing.T, path string) {
	t.Helper()
	program, err := os.ReadFile(harness.Binary())
	must(t, "read the program", err)
	replace(t, path, program)
}

// replace puts a program at a path, at once.
func replace(t *testing.T, path string, program []byte) {
	t.Helper()
	must(t, "write the program", os.WriteFile(path+".new", program, 0o755))
	must(t, "put it in place", os.Rename(path+".new", path))
}

// The binary that is on disk by then is what runs next, with the same arguments.
func TestUpgradeRunsTheNewBinary(t *testing.T) {
	t.Parallel()
	path := copyProgram(t)
	r := setup{options: harness.Options{Program: path}}.start(t)
	p := r.open(t)
	before := programOf(t, r.PID)
	arguments := argumentsOf(t, r.PID)
	placeProgram(t, path)
	r.Upgrade(t)
	if now := programOf(t, r.PID); now != path || before != path {
		t.Errorf("runs %s, and before it %s; want %s", now, before, path)
	}
	if now := argumentsOf(t, r.PID); now != arguments {
		t.Errorf("runs with %q, want %q", now, arguments)
	}
	p.ping(t)
}

func programOf(t *testing.T, pid int) string {
	t.Helper()
	path, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	must(t, "readlink", err)
	return path
}

func argumentsOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	must(t, "read", err)
	return string(text)
}

// What has been counted goes on, and so does what is known of backends.
func TestUpgradeKeepsCounters(t *testing.T) {
	t.Parallel()
	a := startAdmin(t, setup{}, true)
	for range 5 {
		p := a.open(t)
		p.ping(t)
		p.client.Close()
		p.backend.Close()
		a.Relay.Session(t, p.client.LocalAddr().String())
	}
	p := a.open(t)
	p.ping(t)
	before := state[counted](t, a, "/state")
	upstream := before.Upstreams[0]
	code, body := a.call(t, "PUT", "/api/v1/upstreams/web/backends/"+upstream.Backends[0].Address+"/weight", `{"weight": 7}`)
	if code/100 != 2 {
		t.Fatalf("%d %s", code, body)
	}
	code, body = a.call(t, "POST", "/api/v1/upgrade", "")
	var u struct {
		OK    bool
		PID   int
		Moved int `json:"sessions_moved"`
	}
	if err := json.Unmarshal([]byte(body), &u); code != 200 || err != nil {
		t.Fatalf("%d %s", code, body)
	}
	if !u.OK || u.Moved != 1 || u.PID == a.PID {
		t.Errorf("the answer is %+v", u)
	}
	a.Succeed(t, u.PID)
	after := state[counted](t, a, "/state")
	if after.Accepted != 6 || after.Sessions != 1 || after.Bytes != before.Bytes {
		t.Errorf("after the upgrade %+v, before it %+v", after, before)
	}
	if b := after.Upstreams[0].Backends[0]; b.Total != 6 || b.Sessions != 1 || b.Weight != 7 {
		t.Errorf("the backend is %+v", b)
	}
	if after.PID != u.PID {
		t.Errorf("process %d answers, want %d", after.PID, u.PID)
	}
	p.ping(t)
}

// counted is the part of the status that an upgrade must not lose.
type counted struct {
	PID       int
	Accepted  int
	Sessions  int
	Bytes     struct{ Up, Down int }
	Upstreams []struct {
		Backends []struct {
			Address  string
			Weight   int
			Sessions int
			Total    int `json:"sessions_total"`
		}
	}
}

// A session that waits for its PROXY header, or for a place on a backend, goes on waiting
// in the new process.
func TestUpgradeWhileWaiting(t *testing.T) {
	t.Parallel()
	r := setup{edit: func(c *harness.Config) {
		c.Listener()["accept_proxy_from"] = []string{"127.0.0.0/8"}
		c.Listener()["header_timeout"] = "60s"
		c.Backend(0)["sessions_max"] = 1
		c.Upstream()["queue_max"] = 10
		c.Upstream()["queue_timeout"] = "60s"
	}}.start(t)
	const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"
	first := r.dial(t)
	write(t, first, []byte(header))
	served := r.accept(t, 0)
	second := r.dial(t)
	write(t, second, []byte(header+"second"))
	third := r.dial(t)
	write(t, third, []byte(header[:20]))
	harness.Eventually(t, "three sessions", func() (bool, any) {
		n := r.Descriptors(t)["socket"]
		return n >= 5, n // one that listens, three clients, one backend
	})
	wantMoved(t, r.Upgrade(t), 3)
	write(t, third, []byte(header[20:]+"third!"))
	pair{first, served}.ping(t)
	first.Close()
	served.Close()
	waiting := map[string]*peer.Conn{"second": second, "third!": third}
	for len(waiting) > 0 { // one after the other: there is one place
		served := r.accept(t, 0)
		var got [6]byte
		if _, err := readFull(served, got[:]); err != nil || waiting[string(got[:])] == nil {
			t.Fatalf("the next in the queue says %q, %v", got, err)
		}
		waiting[string(got[:])].Close()
		served.Close()
		delete(waiting, string(got[:]))
	}
}

// Told to end in the middle of it, the old process drains as ever, and takes the new one
// along.
func TestUpgradeEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	path := copyProgram(t)
	r := setup{options: harness.Options{Program: path}}.start(t)
	p := r.open(t)
	p.ping(t)
	pid := hang(t, r, path)
	r.Signal(t, syscall.SIGTERM)
	r.Message(t, "draining")
	r.closeConns()
	wantExit(t, r, 0)
	if syscall.Kill(pid, 0) == nil && !defunct(pid) {
		t.Error("the new process is still there")
	}
}
