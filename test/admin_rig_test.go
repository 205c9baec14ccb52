package test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// adminRig is a rig whose relay has an admin interface.
type adminRig struct {
	*rig
	base  string // of its URLs
	token string
	http  *http.Client
}

// startAdmin runs a relay with an admin interface on loopback, or on a unix socket.
func startAdmin(t *testing.T, s setup, unix bool) *adminRig {
	t.Helper()
	dir, edit := harness.Directory(t), s.edit
	a := &adminRig{http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	s.edit = func(c *harness.Config) {
		c.Admin = harness.Table{"listen": "127.0.0.1:0", "token_file": filepath.Join(dir, "token")}
		if unix {
			c.Admin["listen"] = "unix:" + filepath.Join(dir, "admin")
		}
		if edit != nil {
			edit(c)
		}
	}
	a.rig = s.start(t)
	if unix {
		a.base = "http://relay"
		a.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "admin"))
		}
		return a
	}
	a.base = "http://" + a.Message(t, "admin listening").Address
	text, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	a.token = strings.TrimSpace(string(text))
	return a
}

// call sends a request with all that it may need and returns code and body.
func (a *adminRig) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, a.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Relay", "test")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := a.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// state reads JSON of the API.
func state[T any](t *testing.T, a *adminRig, path string) T {
	t.Helper()
	code, body := a.call(t, "GET", "/api/v1"+path, "")
	var v T
	if err := json.Unmarshal([]byte(body), &v); code != 200 || err != nil {
		t.Fatalf("%s: %d %s", path, code, body)
	}
	return v
}

// command runs the program against the rig's relay, and returns its exit code and what
// it said.
func (a *adminRig) command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	if a.token != "" {
		args = append(args, "--admin", strings.TrimPrefix(a.base, "http://"), "--token-file", a.tokenFile(t))
	} else {
		args = append(args, "--config", a.File())
	}
	cmd := exec.Command(harness.Binary(), args...)
	text, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(text)
}

func (a *adminRig) tokenFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(harness.Directory(t), "token")
	if err := os.WriteFile(path, []byte(a.token), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
