//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// newToken puts a token into a tokens_file and returns it.
func newToken(t testing.TB, file, name, rights string) string {
	t.Helper()
	made := harness.Run(t, "token", "new", "--name", name, "--rights", rights, file)
	if made.Code != 0 {
		t.Fatal(made)
	}
	return strings.TrimSpace(made.Stdout)
}

// What a person sees of a drop with tokens: without one, what to answer when the browser
// asks; with one that reads, no place for files; with one that writes, the whole page; and
// when that one is taken away meanwhile, the reason beside the file.
func TestPageWithToken(t *testing.T) {
	tokens := filepath.Join(harness.Directory(t), "tokens")
	reader := newToken(t, tokens, "reader", "read,list")
	before := read(t, tokens)
	writer := newToken(t, tokens, "writer", "read,write,list")
	dir := harness.Directory(t)
	write(t, filepath.Join(dir, "there.txt"), "old")
	r := harness.Start(t, &harness.Config{Drops: []harness.Table{{
		"name": "in", "listen": []string{"127.0.0.1:0"}, "directory": dir, "write": true, "tokens_file": tokens,
	}}})
	url := "http://" + r.Address(t, "in") + "/"
	for password, want := range map[string]string{
		"":      "401 Unauthorized: a token is needed; a browser takes it as the password, with any name",
		"wrong": "401 Unauthorized: this token is not known here",
	} {
		b := startBrowser(t)
		b.answerAs(password)
		b.open(url)
		b.shot("page-401-" + password)
		if got := b.eval("document.body.innerText.trim()"); got != want {
			t.Errorf("with %q the page says %q, want %q", password, got, want)
		}
	}
	b := startBrowser(t)
	b.answerAs(reader)
	b.open(url)
	b.until("the reader sees the file, and no place for others", listed("there.txt")+" && !document.querySelector('#f')")
	b = startBrowser(t)
	b.answerAs(writer)
	b.open(url)
	b.until("the writer sees the page", listed("there.txt"))
	pick(b, write(t, filepath.Join(t.TempDir(), "new.txt"), "new"))
	b.until("the file is listed", listed("new.txt"))
	if got := read(t, filepath.Join(dir, "new.txt")); got != "new" {
		t.Errorf("%q", got)
	}
	if err := os.WriteFile(tokens, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if l := r.Reload(t, read(t, r.File())); l.Message != "reloaded" {
		t.Fatal(l)
	}
	pick(b, write(t, filepath.Join(t.TempDir(), "late.txt"), "late"))
	b.until("the page says why", "document.querySelector('li.bad b')?.textContent === '401 Unauthorized: this token is not known here'")
	b.shot("page-401-late")
}
