package transfer

import (
	"net/http"
	"testing"
	"time"
)

func TestSecondsThereAndBack(t *testing.T) {
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(1700000000, 123456789), time.Unix(1, 1), time.Unix(-1, 750_000_000),
		time.Unix(-2, 500_000_000), time.Unix(-2, 0),
	} {
		text := formatSeconds(at)
		if back, ok := parseSeconds(text); !ok || !back.Equal(at) {
			t.Errorf("%v is written %s and read %v", at, text, back)
		}
	}
	if at, ok := parseSeconds("1700000000"); !ok || at.Unix() != 1700000000 {
		t.Errorf("whole seconds are read as %v", at)
	}
	for _, text := range []string{"", "x", "1.x", "1.0000000001", "1.-1", "."} {
		if at, ok := parseSeconds(text); ok {
			t.Errorf("%q is read as %v", text, at)
		}
	}
}

func TestAttributesOfAnAnswer(t *testing.T) {
	h := http.Header{}
	h.Set("Last-Modified", "Mon, 06 May 2024 07:08:09 GMT")
	if a := attributesOf(h); a.modified.Unix() != 1714979289 || a.hasMode {
		t.Errorf("%+v", a)
	}
	h.Set("X-OC-Mtime", "1714979289.5")
	h.Set("X-Relay-Mode", "0640")
	if a := attributesOf(h); a.modified.UnixNano() != 1714979289_500000000 || !a.hasMode || a.mode != 0o640 {
		t.Errorf("%+v", a)
	}
}

func TestModesAreNoMoreThanPermissions(t *testing.T) {
	if m, ok := parseMode("6755"); !ok || m != 0o755 {
		t.Errorf("%v, %v", m, ok)
	}
	if _, ok := parseMode("rwx"); ok {
		t.Error("rwx is taken for a mode")
	}
}

// Only what continues exactly the part that is here may be appended to it.
func TestRangesThatContinueAPart(t *testing.T) {
	root := openRoot(t)
	for _, c := range []struct {
		what, etag string
		length     int64
		ok         bool
	}{
		{"bytes 100-199/200", `"v"`, 100, true},
		{"bytes 100-199/200", `"w"`, 100, false},
		{"bytes 100-149/200", `"v"`, 50, false},
		{"bytes 99-199/200", `"v"`, 101, false},
		{"bytes 100-199/*", `"v"`, 100, false},
		{"", `"v"`, 100, false},
	} {
		p, err := openPartial(root, "f")
		if err != nil {
			t.Fatal(err)
		}
		res := &http.Response{Header: http.Header{}, ContentLength: c.length}
		res.Header.Set("Content-Range", c.what)
		res.Header.Set("ETag", c.etag)
		if err := checkRange(&fetch{offset: 100, etag: `"v"`, part: p}, res); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		p.discard()
	}
}
