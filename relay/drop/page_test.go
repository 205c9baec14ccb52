package drop

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/listen"
)

func TestNaturalOrder(t *testing.T) {
	want := []entry{
		{name: "a", dir: true},
		{name: "Z10", dir: true},
		{name: "z11", dir: true},
		{name: ".x"},
		{name: "1"},
		{name: "2"},
		{name: "010"},
		{name: "10"},
		{name: "A"},
		{name: "a"},
		{name: "a1"},
		{name: "a1b"},
		{name: "a2"},
		{name: "a10"},
		{name: "b99999999999999999999999999"},
		{name: "b100000000000000000000000000"},
	}
	for seed := range 5 {
		list := slices.Clone(want)
		for i := range list {
			j := (i*7 + seed*3) % len(list)
			list[i], list[j] = list[j], list[i]
		}
		sortEntries(list)
		if !slices.Equal(list, want) {
			t.Fatalf("sorted as %v", list)
		}
	}
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10 << 10: "10.0 KiB", 102400: "100 KiB",
		1<<20 - 1: "1023 KiB", 1 << 20: "1.0 MiB", 3 << 30: "3.0 GiB", 5 << 40: "5.0 TiB", 1 << 50: "1.0 PiB", 1<<63 - 1: "7.9 EiB",
	} {
		if got := showSize(n); got != want {
			t.Errorf("%d is shown as %q, want %q", n, got, want)
		}
	}
}

// Whatever bytes a name has, the page shows something and the link leads to the file.
func TestListingOfAnyName(t *testing.T) {
	names := []string{
		"plain.txt", "with space", "a&b<c>\"d'", "<script>alert(1)<", "ünïcode", "\xff\xfe\x80", "new\nline", "tab\t",
		"per%cent%20", "q?u#e", "a:b", "javascript:alert(1)", "back\\slash", "\u202egnp.exe", "\x7f", "..a", "-rf", "~",
	}
	d := newTestDrop(t)
	dir := d.Service.Config.Name // the test keeps the directory there
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := listing(t, d, ".")
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`<a( class="d")? href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(page, -1) {
		to, err := url.Parse("http://h/dir/")
		if err != nil {
			t.Fatal(err)
		}
		ref, err := to.Parse(html.UnescapeString(m[2]))
		if err != nil || ref.Host != "h" || ref.Scheme != "http" || m[3] == "" {
			t.Errorf("link %q, shown as %q: %v", m[2], m[3], err)
			continue
		}
		found[strings.TrimPrefix(ref.Path, "/dir/")] = true
	}
	for _, n := range names {
		if !found[n] {
			t.Errorf("no link to %q", n)
		}
	}
	for _, bad := range []string{"<script", "\u202e", "\x7f", "new\nline", "\xff"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

// Only what can be fetched is listed.
func TestWhatIsListed(t *testing.T) {
	d := newTestDrop(t)
	dir := d.Service.Config.Name
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "file"), []byte("12345"), 0o600))
	must(os.WriteFile(filepath.Join(dir, ".relay-part"), nil, 0o600))
	must(os.WriteFile(filepath.Join(dir, ".dot"), nil, 0o600))
	must(unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(os.Symlink("file", filepath.Join(dir, "inside")))
	must(os.Symlink("sub", filepath.Join(dir, "folder")))
	must(os.Symlink("/etc/passwd", filepath.Join(dir, "outside")))
	must(os.Symlink("../file", filepath.Join(dir, "sub", "up")))
	must(os.Symlink("../../x", filepath.Join(dir, "sub", "out")))
	must(os.Symlink("loop", filepath.Join(dir, "loop")))
	must(os.Symlink("nowhere", filepath.Join(dir, "dangling")))

	for path, want := range map[string][]string{
		".":   {"folder/", "sub/", ".dot", "file", "inside"},
		"sub": {"up"},
	} {
		got := []string{}
		list, more, errno := d.entries(name{path: path, slash: true}, openTest(t, d, path))
		if errno != 0 || more {
			t.Fatal(errno, more)
		}
		for _, e := range list {
			if e.dir {
				e.name += "/"
			}
			got = append(got, e.name)
			if (e.name == "inside" || e.name == "up") && e.size != 5 {
				t.Errorf("%s has the size of the link, %d", e.name, e.size)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// The policy of the page names its style, and nothing may run.
func TestPagePolicy(t *testing.T) {
	page := listing(t, newTestDrop(t), ".")
	_, rest, _ := strings.Cut(page, "<style>")
	css, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(css))
	if !strings.Contains(pageGuard, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Error("the policy does not name the style that is on the page")
	}
	if strings.Contains(pageGuard, "script-src") || !strings.Contains(pageGuard, "default-src 'none'") {
		t.Errorf("something may run: %s", pageGuard)
	}
	if strings.Contains(page, " style=") || strings.Contains(page, "<script") {
		t.Error("the page has what its policy forbids")
	}
}

func newTestDrop(t *testing.T) *Drop {
	t.Helper()
	dir := t.TempDir()
	c := config.Drop{Directory: dir}
	c.Name = dir
	d, err := NewDrop(&listen.Service{Config: c.Service}, &c, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// openTest opens a directory of the drop as a place.
func openTest(t *testing.T, d *Drop, path string) int {
	t.Helper()
	f, errno := d.open(name{path: path, slash: true}, false)
	if errno != 0 || !f.dir {
		t.Fatal(errno, f)
	}
	t.Cleanup(func() { unix.Close(f.fd) })
	return f.fd
}

// listing is the page of a directory.
func listing(t *testing.T, d *Drop, path string) string {
	t.Helper()
	f, errno := d.open(name{path: path, slash: true}, false)
	if errno != 0 {
		t.Fatal(errno)
	}
	fd, size, errno := d.index(name{path: path, slash: true}, f.fd, asPage, false)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	page := make([]byte, size+1)
	n, err := unix.Pread(fd, page, 0)
	if err != nil || int64(n) != size {
		t.Fatalf("%d bytes of %d, %v", n, size, err)
	}
	d.listed.Add(-size)
	return string(page[:n])
}
