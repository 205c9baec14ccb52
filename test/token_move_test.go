package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// grant gives a token of a file rights below another prefix as well.
func grant(t testing.TB, file, name, rights, prefix string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); len(words) == 4 && words[0] == name {
			text = append(text, strings.Join([]string{name, rights, prefix, words[3]}, " ")+"\n"...)
			break
		}
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Who may delete in one place and read in another does not come to read what is in the first.
func TestWhatMayNotBeReadIsNotMovedToWhereItMay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	token := newToken(t, file, "a", "write,delete", "/")
	grant(t, file, "a", "read", "/files")
	grant(t, file, "a", "list", "/names")
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	for to, want := range map[string]int{"/files/a": 403, "/names/a": 403, "/in/a": 201} {
		for _, method := range []string{"MOVE", "COPY"} {
			r.file(t, "secret/a", []byte("a"))
			if method == "COPY" {
				want = 403
			}
			if a := r.do(t, ask(method, "/secret/a", bearer(token), "Destination: "+to)); a.StatusCode != want {
				t.Errorf("%s to %s: status %d, want %d", method, to, a.StatusCode, want)
			}
		}
	}
	r.file(t, "files/a", nil)
	if a := r.do(t, ask("MOVE", "/files/a", bearer(token), "Destination: /files/b")); a.StatusCode != 201 {
		t.Errorf("among what may be read: status %d", a.StatusCode)
	}
}

// Where no upload takes the place of a file, no move does, but one by who may take the file
// away. No is said in either case of the letter.
func TestMoveKeepsWhatUploadsKeep(t *testing.T) {
	t.Parallel()
	for _, conflict := range []string{"replace", "fail", "keep_both"} {
		file := filepath.Join(harness.Directory(t), "tokens")
		token := newToken(t, file, "a", "write,delete", "/tmp")
		grant(t, file, "a", "write", "/kept")
		grant(t, file, "a", "write,delete", "/mine")
		r := startUploads(t, func(_ *harness.Config, d harness.Table) {
			d["tokens_file"], d["on_conflict"] = file, conflict
		})
		for _, c := range []struct {
			to, overwrite string
			want          int
		}{
			{"/kept/a", "T", map[string]int{"replace": 204, "fail": 412, "keep_both": 412}[conflict]},
			{"/mine/a", "T", 204},
			{"/mine/a", "F", 412},
			{"/mine/a", "f", 412},
		} {
			r.file(t, "tmp/a", []byte("new"))
			there := r.file(t, c.to, []byte("old"))
			a := r.do(t, ask("MOVE", "/tmp/a", bearer(token), "Destination: "+c.to, "Overwrite: "+c.overwrite))
			got, err := os.ReadFile(there)
			if want := map[bool]string{true: "new", false: "old"}[c.want == 204]; a.StatusCode != c.want || string(got) != want {
				t.Errorf("%s, %s, %s: status %d, want %d; the file is %q, %v", conflict, c.to, c.overwrite, a.StatusCode, c.want, got, err)
			}
		}
	}
}

// Who knows the place of an upload, and has no right to it, does not end the request that
// brings it.
func TestAnUploadIsTakenOverByRightOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.Directory(t), "tokens")
	writer := bearer(newToken(t, file, "writer", "write", "/in"))
	other := bearer(newToken(t, file, "other", "read,write,list,delete", "/other"))
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["tokens_file"] = file })
	body := bytesOf(1, 2<<20)
	place := r.begin(t, "/in/a", len(body), writer)
	c := r.client(t)
	c.say(t, patch(place, 0, len(body), "?1", writer, "Expect: 100-continue"))
	c.interim(t)
	for _, request := range []string{ask("HEAD", place, other), ask("DELETE", place, other), patch(place, 0, 0, "?0", other)} {
		if a := r.do(t, request); a.StatusCode != 403 {
			t.Errorf("%.10q: status %d", request, a.StatusCode)
		}
	}
	if _, err := c.Write(body); err != nil {
		t.Fatal(err)
	}
	if a := c.hear(t, "PATCH"); a.StatusCode != 201 {
		t.Errorf("status %d, %s", a.StatusCode, a.body)
	}
}
