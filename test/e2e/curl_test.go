//go:build e2e

package e2e

import (
	"path/filepath"
	"strconv"
	"testing"

	"relay/test/harness"
)

var spliceModes = []string{"auto", "always", "never"}

// curl prepares a run that says nothing but what is asked for.
func curl(t testing.TB, args ...string) *process {
	t.Helper()
	return program(t, "curl", append([]string{"-q", "-sS", "--max-time", "60"}, args...)...)
}

// startProxy runs relay in a mode of engine.splice, in front of backends.
func startProxy(t testing.TB, mode string, backends ...string) *harness.Relay {
	t.Helper()
	c := harness.Proxy(backends...)
	c.Engine["splice"] = mode
	return harness.Start(t, c)
}

// wantComplete waits for the session that carried at least so many bytes each way and
// checks that both sides were seen to finish.
func wantComplete(t testing.TB, r *harness.Relay, up, down int64) {
	t.Helper()
	s := r.SessionWhere(t, "a large session", func(s harness.Session) bool {
		return s.BytesUp >= up && s.BytesDown >= down
	})
	if s.Reason != "complete" {
		t.Errorf("the session ended for the reason %q, want complete (%+v)", s.Reason, s)
	}
}

func TestCurlDownload(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	for _, mode := range spliceModes {
		t.Run(mode, func(t *testing.T) {
			r := startProxy(t, mode, backend.Address)
			got := filepath.Join(t.TempDir(), "got")
			curl(t, "-f", "-o", got, "http://"+r.Address(t, "web")+"/"+bigName).ok(t)
			wantSame(t, got, big(t))
			wantComplete(t, r, 1, bigBytes)
		})
	}
}

// TestCurlUpload sends with a Content-Length, and from a pipe: then curl does not know
// the size, sends chunks, and waits for "100 Continue" first.
func TestCurlUpload(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	for _, mode := range spliceModes {
		t.Run(mode, func(t *testing.T) {
			r := startProxy(t, mode, backend.Address)
			url := "http://" + r.Address(t, "web") + "/upload/"
			curl(t, "-f", "-T", big(t), url+mode).ok(t)
			wantSame(t, backend.uploaded(mode), big(t))
			curl(t, "-f", "-T", "-", url+mode+"-piped").input(t, big(t)).ok(t)
			wantSame(t, backend.uploaded(mode+"-piped"), big(t))
			wantComplete(t, r, bigBytes, 1)
		})
	}
}

// TestCurlAddressFamilies has every kind of listener in front of every kind of backend.
func TestCurlAddressFamilies(t *testing.T) {
	for _, backendHost := range []string{"127.0.0.1", "::1", "unix"} {
		t.Run("to "+backendHost, func(t *testing.T) {
			backend := startNginx(t, backendHost)
			c := harness.Proxy(backend.Address)
			socket := filepath.Join(harness.Directory(t), "relay")
			c.Listener()["listen"] = []string{"127.0.0.1:0", "[::1]:0", "unix:" + socket}
			addresses := harness.Start(t, c).Addresses("web")
			for name, args := range map[string][]string{
				"from IPv4": {"-4", "http://" + addresses[0] + "/" + bigName},
				"from IPv6": {"-6", "-g", "http://" + addresses[1] + "/" + bigName},
				"from unix": {"--unix-socket", socket, "http://relay/" + bigName},
			} {
				t.Run(name, func(t *testing.T) {
					got := filepath.Join(t.TempDir(), "got")
					curl(t, append([]string{"-f", "-o", got}, args...)...).ok(t)
					wantSame(t, got, big(t))
				})
			}
		})
	}
}

// TestCurlManyAtOnce has one curl hold 16 transfers in both directions at a time.
func TestCurlManyAtOnce(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	r := startProxy(t, "auto", backend.Address)
	const transfers = "[1-16]"
	url, dir := "http://"+r.Address(t, "web"), t.TempDir()
	curl(t, "-f", "-Z", "--parallel-max", "16", "--parallel-immediate",
		"-r", "0-9999999", "-o", filepath.Join(dir, "#1"), url+"/"+bigName+"?"+transfers).ok(t)
	for i := range 16 {
		wantPart(t, filepath.Join(dir, strconv.Itoa(i+1)), big(t), 0, 10_000_000)
	}
}
