//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// startUploads runs a drop that files may be put into, and returns its directory and URL.
func startUploads(t testing.TB, more harness.Table) (dir, url string) {
	t.Helper()
	dir = harness.Directory(t)
	d := harness.Table{"name": "in", "listen": []string{"127.0.0.1:0"}, "directory": dir, "write": true}
	for key, value := range more {
		d[key] = value
	}
	r := harness.Start(t, &harness.Config{Drops: []harness.Table{d}})
	return dir, "http://" + r.Address(t, "in") + "/"
}

// curl -T sends a file with its name after the slash, with a word before the body, and
// standard input in chunks.
func TestCurlUploads(t *testing.T) {
	dir, url := startUploads(t, nil)
	curl(t, "-T", big(t), url+"a/b/").ok(t)
	wantSame(t, filepath.Join(dir, "a/b", bigName), big(t))
	curl(t, "-T", big(t), "-H", "Expect: 100-continue", url+"expected").ok(t)
	wantSame(t, filepath.Join(dir, "expected"), big(t))
	text := strings.Repeat("from standard input\n", 100_000)
	p := curl(t, "-T", "-", url+"piped")
	p.Stdin = strings.NewReader(text)
	p.ok(t)
	if got := read(t, filepath.Join(dir, "piped")); got != text {
		t.Errorf("%d bytes arrived of %d", len(got), len(text))
	}
	wantStatus := func(status string, args ...string) {
		t.Helper()
		if got := curl(t, append([]string{"-o", os.DevNull, "-w", "%{http_code}"}, args...)...).ok(t); got != status {
			t.Errorf("%q: status %s, want %s", args, got, status)
		}
	}
	wantStatus("412", "-T", big(t), "-H", "If-None-Match: *", url+"expected")
	wantStatus("204", "-T", big(t), url+"expected")
	wantStatus("501", "-T", big(t), "-C", "1000", url+"expected")
	wantStatus("403", "-X", "DELETE", url+"expected")
	wantSame(t, filepath.Join(dir, "expected"), big(t))
}

// curl is refused before it sends, and shows why.
func TestCurlUploadIsRefused(t *testing.T) {
	dir, url := startUploads(t, harness.Table{"file_size_max": "1MiB"})
	got := ask(t, "-T", big(t), "-H", "Expect:", url+"large")
	if got.code != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, "1048576") {
		t.Errorf("%d %q", got.code, got.body)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}

func TestCurlToken(t *testing.T) {
	file := filepath.Join(harness.Directory(t), "tokens")
	made := harness.Run(t, "token", "new", "--name", "me", "--rights", "read,write,delete", file)
	if made.Code != 0 {
		t.Fatal(made)
	}
	secret := strings.TrimSpace(made.Stdout)
	dir, url := startUploads(t, harness.Table{"tokens_file": file})
	if got := ask(t, "-T", big(t), "-H", "Expect:", url+"a"); got.code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.code)
	}
	curl(t, "-f", "-u", "me:"+secret, "-T", big(t), url+"a").ok(t)
	curl(t, "-f", "-H", "Authorization: Bearer "+secret, "-X", "MOVE", "-H", "Destination: "+url+"b", url+"a").ok(t)
	wantSame(t, filepath.Join(dir, "b"), big(t))
	curl(t, "-f", "--oauth2-bearer", secret, "-X", "DELETE", url+"b").ok(t)
	if _, err := os.Stat(filepath.Join(dir, "b")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestWgetUpload(t *testing.T) {
	dir, url := startUploads(t, nil)
	wget(t, "--method=PUT", "--body-file="+big(t), "-O", os.DevNull, url+"by-wget").ok(t)
	wantSame(t, filepath.Join(dir, "by-wget"), big(t))
}

// A person picks files, drags others onto the page, sees them arrive, and is asked before
// one is replaced; the page's own policy allows all of that.
func TestPageUploads(t *testing.T) {
	dir, url := startUploads(t, nil)
	write(t, filepath.Join(dir, "sub", "there.txt"), "old")
	b := startBrowser(t)
	b.open(url + "sub/")
	picked := write(t, filepath.Join(t.TempDir(), "a file & more.txt"), "picked")
	pick(b, picked, big(t))
	b.until("the list has the files", listed("a file & more.txt", bigName))
	if got := read(t, filepath.Join(dir, "sub", "a file & more.txt")); got != "picked" {
		t.Errorf("picked: %q", got)
	}
	wantSame(t, filepath.Join(dir, "sub", bigName), big(t))
	b.eval(`{ const d = new DataTransfer(); d.items.add(new File(["dropped"], "dropped.txt")); dispatchEvent(new DragEvent("drop", {dataTransfer: d})) }`)
	b.until("what was dropped is listed", listed("dropped.txt"))
	b.shot("page-upload")
	b.wantNoTrouble()
	there := write(t, filepath.Join(t.TempDir(), "there.txt"), "new")
	for _, c := range []struct{ answer, want string }{{"false", "old"}, {"true", "new"}} {
		b.eval("window.confirm = () => " + c.answer + "; window.stays = true")
		pick(b, there)
		b.until("the answer counts", "window.stays === undefined && document.readyState === 'complete'")
		if got := read(t, filepath.Join(dir, "sub", "there.txt")); got != c.want {
			t.Errorf("after %s: %q", c.answer, got)
		}
	}
}

// listed says in JavaScript that the page is there whole and lists these names. While it is
// being read its script does not listen yet, and would miss what the test does next.
func listed(names ...string) string {
	text := "document.readyState === 'complete'"
	for _, name := range names {
		text += fmt.Sprintf(" && document.querySelector('table').textContent.includes(%q)", name)
	}
	return text
}

// pick chooses files in the page's input.
func pick(b *browser, files ...string) {
	b.t.Helper()
	var doc struct{ Root struct{ NodeID int } }
	b.ask("DOM.getDocument", nil, &doc)
	var input struct{ NodeID int }
	b.ask("DOM.querySelector", object{"nodeId": doc.Root.NodeID, "selector": "#f"}, &input)
	b.ask("DOM.setFileInputFiles", object{"nodeId": input.NodeID, "files": files}, nil)
}

// What a person sees of a file that is on its way, and of those that are refused: each with
// the reason, while the others go on, and the page stays.
func TestPageUploadRefusals(t *testing.T) {
	dir, url := startUploads(t, harness.Table{"quota": "8MiB"})
	for i := range 40 {
		write(t, filepath.Join(dir, fmt.Sprintf("report %d.pdf", i)), "there")
	}
	b := startBrowser(t)
	b.open(url)
	slowly := func(rate int) {
		b.ask("Network.emulateNetworkConditions", object{"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}, nil)
	}
	b.ask("Network.enable", nil, nil)
	slowly(1 << 20)
	large := filepath.Join(t.TempDir(), "a film of our holidays with a rather long name.mkv")
	if err := writeRandom(large, 9<<20); err != nil {
		t.Fatal(err)
	}
	fits := filepath.Join(t.TempDir(), "fits.bin")
	if err := writeRandom(fits, 4<<20); err != nil {
		t.Fatal(err)
	}
	pick(b, fits, large, write(t, filepath.Join(t.TempDir(), "small.txt"), "small"))
	b.until("the first is on its way", "document.querySelector('li progress').value > 0 && document.querySelector('li b').textContent.endsWith('%')")
	b.shot("page-upload-under-way")
	slowly(-1)
	b.until("all have ended", "[...document.querySelectorAll('li')].every((li) => li.className !== '')")
	b.shot("page-upload-refused")
	said := b.eval("[...document.querySelectorAll('li')].map((li) => li.className + ': ' + li.querySelector('b').textContent).join('\\n')")
	if want := "done: done\nbad: 507 Insufficient Storage: there is no room for the file: the drop's quota is used up\ndone: done"; said != want {
		t.Errorf("the page says\n%v\nwant\n%s", said, want)
	}
	b.until("those that arrived are listed", listed("report 0.pdf", "fits.bin", "small.txt"))
	if b.eval("document.querySelectorAll('li').length") != float64(3) {
		t.Error("the page has not kept what it said")
	}
	wantSame(t, filepath.Join(dir, "fits.bin"), fits)
	if got := read(t, filepath.Join(dir, "small.txt")); got != "small" {
		t.Errorf("%q", got)
	}
	b.window(390, 800, true)
	b.shot("page-upload-refused-phone")
}
