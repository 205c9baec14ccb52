package test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// newToken makes a token in a file, as a person does.
func newToken(t testing.TB, file, name, rights, prefix string) string {
	t.Helper()
	o := harness.Run(t, "token", "new", "--name", name, "--rights", rights, "--prefix", prefix, file)
	if o.Code != 0 {
		t.Fatalf("relay token new: %+v", o)
	}
	return strings.TrimSpace(o.Stdout)
}

func bearer(token string) string { return "Authorization: Bearer " + token }

func TestTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	if err := os.WriteFile(file, []byte("*  read,list  /public/  -\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	writer := newToken(t, file, "writer", "write", "/in/")
	reader := newToken(t, file, "reader", "read,list", "/")
	admin := newToken(t, file, "admin", "read,write,list,delete", "/")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	r.file(t, "in/old", []byte("old"))
	r.file(t, "public/a", []byte("a"))
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+reader))
	for _, c := range []struct {
		method, path string
		fields       []string
		status       int
	}{
		{"GET", "/in/old", nil, 401},
		{"GET", "/in/old", []string{bearer("wrong")}, 401},
		{"GET", "/in/old", []string{"Authorization: Other x"}, 401},
		{"GET", "/in/old", []string{bearer(writer)}, 403},
		{"GET", "/in/old", []string{bearer(reader)}, 200},
		{"GET", "/in/old", []string{basic}, 200},
		{"HEAD", "/in/old", []string{basic}, 200},
		{"GET", "/in/", []string{bearer(writer)}, 403},
		{"GET", "/in/", []string{bearer(reader)}, 200},
		{"GET", "/none", []string{bearer(reader)}, 404},
		{"GET", "/none", nil, 401},
		{"GET", "/public/a", nil, 200},
		{"GET", "/public/", nil, 200},
		{"GET", "/publi", nil, 401},
		{"GET", "/", nil, 401},
		{"PUT", "/public/b", nil, 401},
		{"PUT", "/public/b", []string{bearer(writer)}, 403},
		{"PUT", "/in/new", []string{bearer(writer)}, 201},
		{"PUT", "/inn", []string{bearer(writer)}, 403},
		{"PUT", "/in/../x", []string{bearer(writer)}, 400},
		{"PUT", "/in/new2", []string{bearer(reader)}, 403},
		{"DELETE", "/in/new", []string{bearer(writer)}, 403},
		{"MOVE", "/in/new", []string{bearer(writer), "Destination: /in/b"}, 403},
		{"MOVE", "/in/new", []string{bearer(admin), "Destination: /x/y/z"}, 201},
		{"MOVE", "/x/y/z", []string{bearer(admin), "Destination: http://test/in/old", "Overwrite: F"}, 412},
		{"MOVE", "/x/y/z", []string{bearer(admin), "Destination: http://test/in/old", `If-Match: "x"`}, 412},
		{"MOVE", "/x/y/z", []string{bearer(admin), "Destination: http://test/in/old", "If-Match: *"}, 204},
		{"MOVE", "/x/y/z", []string{bearer(admin), "Destination: /q"}, 404},
		{"MOVE", "/x/y/z", []string{bearer(admin), "Destination: /q", "If-Match: *"}, 412},
		{"MOVE", "/in/old", []string{bearer(admin), "Destination: http://other/q"}, 400},
		{"MOVE", "/in/old", []string{bearer(admin), "Destination: /../q"}, 400},
		{"MOVE", "/in/old", []string{bearer(admin), "Destination: /.relay-q"}, 403},
		{"MOVE", "/in/old", []string{bearer(admin)}, 400},
		{"DELETE", "/x", []string{bearer(admin)}, 409},
		{"DELETE", "/x/y", []string{bearer(admin)}, 204},
		{"DELETE", "/x/", []string{bearer(admin)}, 204},
		{"DELETE", "/x", []string{bearer(admin)}, 404},
		{"DELETE", "/", []string{bearer(admin)}, 403},
		{"DELETE", "/in/old", []string{bearer(admin), `If-Match: "x"`}, 412},
		{"DELETE", "/in/old", []string{bearer(admin)}, 204},
		{"MKCOL", "/d", nil, 401},
		{"MKCOL", "/d/", []string{bearer(admin), "X-Relay-Mode: 700"}, 201},
		{"MKCOL", "/d", []string{bearer(admin)}, 405},
		{"MKCOL", "/e/f", []string{bearer(admin)}, 409},
	} {
		conn := r.client(t)
		if c.method == "PUT" {
			c.fields = append(c.fields, "Content-Length: 0")
		}
		conn.say(t, ask(c.method, c.path, c.fields...))
		a := conn.hear(t, c.method)
		if a.StatusCode != c.status {
			t.Errorf("%s %s %.40q: status %d, want %d: %s", c.method, c.path, c.fields, a.StatusCode, c.status, a.body)
		}
		if both := len(a.Header["Www-Authenticate"]); (both == 2) != (c.status == 401) {
			t.Errorf("%s %s: WWW-Authenticate %q", c.method, c.path, a.Header["Www-Authenticate"])
		}
		if q := r.logged(t, conn, c.path); strings.HasPrefix(c.path, "/in") && strings.Contains(strings.Join(c.fields, ""), admin) && q.Token != "admin" {
			t.Errorf("%s %s: the log says token %q", c.method, c.path, q.Token)
		}
		conn.Close()
	}
	r.wantTree(t, map[string][]byte{"public/a": []byte("a")})
	if info, err := os.Stat(filepath.Join(r.dir, "d")); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	for _, line := range r.Journal.Lines() {
		for _, secret := range []string{writer, reader, admin} {
			if strings.Contains(line.Raw, secret) {
				t.Fatalf("the log has a token in it: %s", line.Raw)
			}
		}
	}
}

// Without tokens nobody may delete or move.
func TestNoTokens(t *testing.T) {
	t.Parallel()
	r := startUploads(t, nil)
	r.file(t, "a", []byte("a"))
	c := r.client(t)
	for _, request := range []string{ask("DELETE", "/a"), ask("MOVE", "/a", "Destination: /b")} {
		c.say(t, request)
		if a := c.hear(t, "DELETE"); a.StatusCode != 403 {
			t.Errorf("%.20q: status %d", request, a.StatusCode)
		}
	}
	c.say(t, ask("MKCOL", "/d"))
	c.hear(t, "MKCOL").want(t, 201, []byte{})
	r.wantTree(t, map[string][]byte{"a": []byte("a")})
}

// A reload brings new tokens, and takes away old ones; a bad file changes nothing.
func TestTokensReload(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	old := newToken(t, file, "old", "read", "/")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	r.file(t, "a", []byte("a"))
	r.fetch(t, "/a", bearer(old)).want(t, 200, []byte("a"))
	text, err := os.ReadFile(r.File())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l := r.Reload(t, string(text)); l.Message == "reloaded" {
		t.Errorf("nonsense was taken: %s", l.Raw)
	}
	r.fetch(t, "/a", bearer(old)).want(t, 200, []byte("a"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	fresh := newToken(t, file, "fresh", "read", "/")
	if l := r.Reload(t, string(text)); l.Message != "reloaded" {
		t.Errorf("good tokens were not taken: %s", l.Raw)
	}
	r.fetch(t, "/a", bearer(fresh)).want(t, 200, []byte("a"))
	if a := r.fetch(t, "/a", bearer(old)); a.StatusCode != 401 {
		t.Errorf("a token that was taken away: status %d", a.StatusCode)
	}
}

// Tokens that come over a network can be read there: the log says so, and says nothing
// of a drop that only this machine reaches.
func TestTokensInClearAreWarnedOf(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	newToken(t, file, "reader", "read", "/")
	for listen, want := range map[string]bool{"0.0.0.0:0": true, "127.0.0.1:0": false} {
		r := startUploads(t, func(_ *harness.Config, d harness.Table) {
			d["tokens_file"], d["listen"] = file, []string{listen}
		})
		warned := false
		for _, l := range r.Journal.Lines() {
			warned = warned || strings.HasPrefix(l.Message, "tokens cross the network in clear")
		}
		if warned != want {
			t.Errorf("%s: warned %v, want %v", listen, warned, want)
		}
	}
}
