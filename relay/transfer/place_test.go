package transfer

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]struct{ host, path, base string }{
		"http://h:9000/a/b%20c":   {"h:9000", "/a/b%20c", "b c"},
		"http://h":                {"h:80", "/", ""},
		"http://h/":               {"h:80", "/", ""},
		"http://[::1]:9/x/":       {"[::1]:9", "/x/", "x"},
		"http://h:1/%C3%BC%FF":    {"h:1", "/%C3%BC%FF", "ü\xff"},
		"http://h:1/with space/x": {"h:1", "/with%20space/x", "x"},
	} {
		p, err := ParseURL(text)
		if err != nil || p.host != want.host || p.path != want.path || p.base() != want.base {
			t.Errorf("%s is %+v with base %q, %v", text, p, p.base(), err)
		}
	}
	for text, says := range map[string]string{
		"https://h/a": "no TLS", "ftp://h/a": "no URL", "h/a": "no URL", "http:///a": "no URL", "http://u:p@h/": "--token-file",
		"http://h/a?b": "%3F", "http://h/a#b": "%23", "http://h/%zz": "invalid URL escape",
	} {
		if _, err := ParseURL(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func TestPlacesBeneath(t *testing.T) {
	p := Place{"h:80", "/in"}
	if got := p.join("a b+~:/\xff?").String(); got != "http://h/in/a%20b%2B~%3A/%FF%3F" {
		t.Errorf("joined: %s", got)
	}
	if got := p.follow("x%20y/").path; got != "/in/x%20y/" {
		t.Errorf("followed: %s", got)
	}
}

func TestListedNamesAreNames(t *testing.T) {
	for href, name := range map[string]string{"a": "a", "a%20b": "a b", "%FF": "\xff", "..a": "..a", "a%3Ab": "a:b"} {
		e := listed{Href: href, Kind: kindFile}
		if err := e.check(); err != nil || e.name != name {
			t.Errorf("%q is %q, %v", href, e.name, err)
		}
	}
	for _, href := range []string{"", ".", "..", "%2e%2e", "a/b", "a%2Fb", "/a", "a%00", "a?b", "a#b", "h:b", "%zz"} {
		e := listed{Href: href, Kind: kindFile}
		if e.check() == nil {
			t.Errorf("%q is taken for the name %q", href, e.name)
		}
	}
	if (&listed{Href: "a", Kind: "socket"}).check() == nil || (&listed{Href: "a", Kind: kindFile, Size: -1}).check() == nil {
		t.Error("a kind or size that cannot be is taken")
	}
}
