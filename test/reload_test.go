package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// greeter is a backend that says its name and closes.
func greeter(t *testing.T, name string) *peer.Server {
	t.Helper()
	return serve(t, "127.0.0.1:0", func(c *peer.Conn) {
		_, _ = c.Write([]byte(name))
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}

// greeting is what a client of an address hears.
func greeting(address string) (string, error) {
	c, err := net.DialTimeout("tcp", address, harness.Patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	b, err := io.ReadAll(c)
	return string(b), err
}

func wantGreeting(t *testing.T, address string, names ...string) {
	t.Helper()
	got, err := greeting(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if got == n {
			return
		}
	}
	t.Errorf("%s answers %q, want one of %q", address, got, names)
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What changes in the file changes at once: backends, routes to upstreams, listeners. A
// session that runs goes on, also on a backend and a listener that are gone.
func TestReloadChangesWhatIsNew(t *testing.T) {
	t.Parallel()
	a, b := greeter(t, "a"), greeter(t, "b")
	quiet := listen(t, "127.0.0.1:0")
	c := harness.Proxy(a.Address)
	c.Listeners = append(c.Listeners, harness.Table{"name": "other", "listen": []string{"127.0.0.1:0"}, "upstream": "quiet"})
	c.Upstreams = append(c.Upstreams, harness.Table{"name": "quiet", "backend": []harness.Table{{"address": quiet.Address}}})
	r := harness.Start(t, c)
	web, other := r.Address(t, "web"), r.Address(t, "other")
	wantGreeting(t, web, "a")
	client, err := peer.Dial(other)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	backend, err := quiet.Accept(harness.Patience)
	if err != nil {
		t.Fatal(err)
	}
	running := pair{client, backend}

	added := free(t)
	c.SetBackends(b.Address)
	c.Listeners[1] = harness.Table{"name": "added", "listen": []string{added}, "upstream": "web"}
	c.Upstreams = c.Upstreams[:1]
	if l := r.Reload(t, c.String()); l.Message != "reloaded" || l.Level != "info" {
		t.Fatal(l.Raw)
	}
	wantGreeting(t, web, "b")
	wantGreeting(t, added, "b")
	if _, err := greeting(other); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a listener that is gone answers: %v", err)
	}
	running.ping(t)
	client.Close()
	backend.Close()
	r.Rebase(t)
}

// A file with a mistake, and one that asks for what cannot be had, changes nothing.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	a, b := greeter(t, "a"), greeter(t, "b")
	taken := listen(t, "127.0.0.1:0")
	for name, spoil := range map[string]func(*harness.Config){
		"mistake": func(c *harness.Config) { c.Upstream()["balance"] = "best" },
		"address in use": func(c *harness.Config) {
			c.Listeners = append(c.Listeners,
				harness.Table{"name": "fine", "listen": []string{"127.0.0.1:0"}, "upstream": "web"},
				harness.Table{"name": "bad", "listen": []string{taken.Address}, "upstream": "web"})
		},
		"no directory": func(c *harness.Config) {
			c.Drops = []harness.Table{{"name": "d", "listen": []string{"127.0.0.1:0"}, "directory": "/nowhere"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := harness.Proxy(a.Address)
			r := harness.Start(t, c)
			c.SetBackends(b.Address)
			spoil(c)
			if l := r.Reload(t, c.String()); l.Level != "error" || l.Field("errors") == nil {
				t.Error(l.Raw)
			}
			wantGreeting(t, r.Address(t, "web"), "a")
		})
	}
}

// What needs a restart is named, and the rest applies.
func TestReloadNamesWhatNeedsRestart(t *testing.T) {
	t.Parallel()
	a, b := greeter(t, "a"), greeter(t, "b")
	c := harness.Proxy(a.Address)
	c.Engine["loops"] = 1
	r := harness.Start(t, c)
	c.Engine["loops"] = 2
	c.Log["format"] = "console"
	c.Listener()["backlog"] = 7
	c.SetBackends(b.Address)
	for range 2 { // it is not forgotten either
		l := r.Reload(t, c.String())
		if got := fmt.Sprint(l.Field("need_restart")); l.Level != "warn" || got != "[engine.loops log.format listener.web: options of its sockets]" {
			t.Error(l.Raw)
		}
	}
	wantGreeting(t, r.Address(t, "web"), "b")
}

// Limits and allow lists hold for new clients at once, timeouts too.
func TestReloadChangesLimits(t *testing.T) {
	t.Parallel()
	a := greeter(t, "a")
	c := harness.Proxy(a.Address)
	r := harness.Start(t, c)
	web := r.Address(t, "web")
	wantGreeting(t, web, "a")
	c.Listener()["deny"] = []string{"127.0.0.1"}
	r.Reload(t, c.String())
	if got, err := greeting(web); err == nil {
		t.Errorf("a client that is denied gets %q", got)
	}
	delete(c.Listener(), "deny")
	r.Reload(t, c.String())
	wantGreeting(t, web, "a")
}

// Two listeners that swap their addresses keep the sockets, and a renamed one its own.
func TestReloadKeepsSocketsByAddress(t *testing.T) {
	t.Parallel()
	a, b := greeter(t, "a"), greeter(t, "b")
	first, second := free(t), free(t)
	c := harness.Proxy(a.Address)
	c.Upstreams = append(c.Upstreams, harness.Table{"name": "other", "backend": []harness.Table{{"address": b.Address}}})
	c.Listener()["listen"] = []string{first}
	c.Listeners = append(c.Listeners, harness.Table{"name": "other", "listen": []string{second}, "upstream": "other"})
	r := harness.Start(t, c)
	before := r.Sockets(t)
	wantGreeting(t, first, "a")
	wantGreeting(t, second, "b")
	c.Listeners[0]["listen"], c.Listeners[1]["listen"] = []string{second}, []string{first}
	r.Reload(t, c.String())
	wantGreeting(t, first, "b")
	wantGreeting(t, second, "a")
	c.Listeners[0]["name"], c.Listeners[1]["name"] = "x", "y"
	r.Reload(t, c.String())
	wantGreeting(t, first, "b")
	wantGreeting(t, second, "a")
	if after := r.Sockets(t); after != before {
		t.Errorf("listening sockets were %s and are %s", before, after)
	}
}

// A drop goes over to its new directory, on connections that are kept, too.
func TestReloadDrop(t *testing.T) {
	t.Parallel()
	dirs := []string{harness.Directory(t), harness.Directory(t)}
	for i, d := range dirs {
		if err := os.WriteFile(filepath.Join(d, "f"), []byte{byte('0' + i)}, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := &harness.Config{Engine: harness.Table{"drain_timeout": "3s"}}
	c.Drops = []harness.Table{{"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": dirs[0]}}
	r := harness.Start(t, c)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	get := func() string {
		resp, err := client.Get("http://" + r.Address(t, "files") + "/f")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	if got := get(); got != "0" {
		t.Fatal(got)
	}
	for i := range 5 {
		want := (i + 1) % 2
		c.Drops[0]["directory"] = dirs[want]
		r.Reload(t, c.String())
		if got := get(); got != fmt.Sprint(want) {
			t.Errorf("after the reload: %q", got)
		}
	}
}

// A drop that takes files leaves fewer descriptors to sessions, also one that comes with a reload.
func TestReloadSetsDescriptorsAside(t *testing.T) {
	t.Parallel()
	c := &harness.Config{Engine: harness.Table{"drain_timeout": "3s"}}
	c.Drops = []harness.Table{{"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": harness.Directory(t)}}
	const all = 1024
	r := harness.Start(t, c, harness.Options{Descriptors: all})
	sessions := func(l harness.Line) float64 {
		n, _ := l.Field("sessions_max").(float64)
		return n
	}
	before := sessions(r.Message(t, "descriptors"))
	c.Drops[0]["write"] = true
	n := len(r.Journal.Lines())
	r.Reload(t, c.String())
	l := r.Since(t, n, "how many descriptors there are", func(l harness.Line) bool { return l.Message == "descriptors" })
	if after := sessions(l); after != before-all/8/2 {
		t.Errorf("%v sessions may be, %v before the drop took files", after, before)
	}
}

// A hundred reloads under a thousand connections a second, with listeners, backends and
// limits coming and going: not one of them fails.
func TestReloadUnderLoad(t *testing.T) {
	a, b := greeter(t, "a"), greeter(t, "b")
	c := harness.Proxy(a.Address)
	c.Log["access"] = false
	r := harness.Start(t, c)
	web := r.Address(t, "web")

	reloads, rate := 100, 1000
	if testing.Short() {
		reloads, rate = 20, 200
	}
	var served, failed atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	clients.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range rate / 100 {
				clients.Go(func() {
					got, err := greeting(web)
					if err == nil && got != "a" && got != "b" {
						err = errors.New("wrong answer " + got)
					}
					if err != nil {
						failed.Add(1)
						t.Log(err)
						return
					}
					served.Add(1)
				})
			}
		}
	})
	start := time.Now()
	for i := range reloads {
		c.SetBackends([]string{a.Address, b.Address}[i%2 : 1+i%2]...)
		c.Listeners = c.Listeners[:1]
		c.Listener()["idle_timeout"] = fmt.Sprintf("%ds", 60+i)
		if i%3 == 0 {
			c.Listeners = append(c.Listeners, harness.Table{"name": "more", "listen": []string{"127.0.0.1:0"}, "upstream": "web"})
		}
		if l := r.Reload(t, c.String()); l.Message != "reloaded" {
			t.Fatal(l.Raw)
		}
		if floor := time.Duration(i+1) * 50 * time.Millisecond; time.Since(start) < floor {
			time.Sleep(floor - time.Since(start)) // the pace of the run, not a wait
		}
	}
	took := time.Since(start)
	close(stop)
	clients.Wait()
	t.Logf("%d reloads in %v, %d connections, %.0f a second, %d failed", reloads, took.Round(time.Millisecond),
		served.Load(), float64(served.Load())/took.Seconds(), failed.Load())
	if failed.Load() > 0 || served.Load() == 0 {
		t.Errorf("%d connections failed, %d served", failed.Load(), served.Load())
	}
	c.Listeners = c.Listeners[:1]
	r.Reload(t, c.String())
}

// A pipe has taken the file's place, and whoever should write it is silent: what runs goes
// on, and a drain does not wait for the file.
func TestReloadFromASilentPipe(t *testing.T) {
	t.Parallel()
	r := setup{}.start(t)
	if err := os.Remove(r.File()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(r.File(), 0o644); err != nil {
		t.Fatal(err)
	}
	silent, err := os.OpenFile(r.File(), os.O_RDWR, 0)
	must(t, "open", err)
	defer silent.Close()
	r.Signal(t, syscall.SIGHUP)
	p := r.open(t)
	p.ping(t)
	p.client.Close()
	p.backend.Close()
	r.Stop(t)
}
