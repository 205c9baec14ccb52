package drop

import (
	"net/url"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		path, name string // "" = refused
		slash      bool
	}{
		{"/", ".", true},
		{"//", ".", true},
		{"/a", "a", false},
		{"/a/", "a", true},
		{"/a/b", "a/b", false},
		{"//a///b//", "a/b", true},
		{"//etc/passwd", "etc/passwd", false},
		{"/a b", "a b", false},
		{"/\xff\xfe", "\xff\xfe", false},
		{"/...", "...", false},
		{"/.a/..b/c..", ".a/..b/c..", false},
		{"/a\\..\\b", "a\\..\\b", false}, // a backslash is a letter here
		{"/%2e%2e", "%2e%2e", false},     // unescaped once already: these are letters
		{"/..", "", false},
		{"/../", "", false},
		{"/a/../b", "", false},
		{"/a/..", "", false},
		{"/.", ".", true},
		{"/./a:b", "a:b", false},
		{"/a/./b", "a/b", false},
		{"/a/.", "a", true},
		{"/a.", "a.", false},
		{"/a\x00b", "", false},
		{"", "", false},
		{"*", "", false},
		{"a", "", false},
		{"../a", "", false},
	} {
		n, ok := cleanName(c.path)
		if ok != (c.name != "") || n.path != c.name || n.slash != c.slash {
			t.Errorf("%q: %+v, %v; want %q, %v", c.path, n, ok, c.name, c.slash)
		}
		if ok {
			checkName(t, n)
		}
	}
}

// checkName checks what opening relies on.
func checkName(t *testing.T, n name) {
	t.Helper()
	if n.path == "" || strings.HasPrefix(n.path, "/") || strings.HasSuffix(n.path, "/") ||
		strings.Contains(n.path, "//") || strings.Contains("/"+n.path+"/", "/../") || strings.IndexByte(n.path, 0) >= 0 {
		t.Errorf("accepted the name %q", n.path)
	}
	if to, err := url.Parse("/" + escape(n.path) + "/"); err != nil || to.Host != "" || to.Scheme != "" || to.Path != "/"+n.path+"/" {
		t.Errorf("%q is escaped as %q, which means %+v", n.path, escape(n.path), to)
	}
}

func TestHiddenNames(t *testing.T) {
	for path, want := range map[string]bool{
		"/.relay-1": true, "/a/.relay-x/b": true, "/.relay": false, "/x.relay-1": false, "/.hidden": false,
	} {
		if n, _ := cleanName(path); n.hidden() != want {
			t.Errorf("%q hidden: %v, want %v", path, n.hidden(), want)
		}
	}
}

// An escaped name means the same wherever it stands.
func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"a-b_c.d~e/f": "a-b_c.d~e/f",
		"a:b":         "a%3Ab", // no scheme
		"a b?c#d":     "a%20b%3Fc%23d",
		`"<&'>`:       "%22%3C%26%27%3E",
		"\xff\n":      "%FF%0A",
		"ä":           "%C3%A4",
		"\\evil":      "%5Cevil",
	} {
		if got := escape(name); got != want {
			t.Errorf("%q is escaped as %q, want %q", name, got, want)
		}
	}
}

func TestContentTypes(t *testing.T) {
	for base, want := range map[string]string{
		"a.txt": "text/plain; charset=utf-8", "A.TXT": "text/plain; charset=utf-8", "a.tar.gz": "application/gzip",
		"x.HtMl": "text/html; charset=utf-8", "noext": octets, ".txt": "text/plain; charset=utf-8", "a.": octets,
		"a.unknown": octets, "a.verylongextension": octets, "": octets, "a.svg": "image/svg+xml",
	} {
		if got := contentType(base); got != want {
			t.Errorf("%q is %q, want %q", base, got, want)
		}
	}
	for extension, kind := range contentTypes {
		if len(extension)+1 > extensionMost || extension != strings.ToLower(extension) || strings.ContainsAny(kind, "\r\n") {
			t.Errorf("%q, %q can never be found, or breaks the head", extension, kind)
		}
	}
}
