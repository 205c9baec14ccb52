package drop

import (
	"net/http"
	"testing"
	"time"
)

// The table of RFC 9110, 13.2.2, and the ways to write a list of tags.
func TestPreconditions(t *testing.T) {
	changed := time.Date(2025, 3, 1, 12, 0, 0, 999, time.UTC)
	v := newVersion(42, changed.Unix(), int64(changed.Nanosecond()))
	at := changed.Format(httpTime)
	before, after := changed.Add(-time.Second).Format(httpTime), changed.Add(time.Second).Format(httpTime)
	const other = `"0-0"`
	for _, c := range []struct {
		fields []string // name, value, …
		want   int
	}{
		{nil, 0},
		{[]string{"If-None-Match", v.tag}, 304},
		{[]string{"If-None-Match", "W/" + v.tag}, 304},
		{[]string{"If-None-Match", other}, 0},
		{[]string{"If-None-Match", other + ", " + v.tag}, 304},
		{[]string{"If-None-Match", other + ",,\t" + v.tag}, 304},
		{[]string{"If-None-Match", other, "If-None-Match", v.tag}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", v.tag[1:]}, 0},
		{[]string{"If-None-Match", `"`}, 0},
		{[]string{"If-None-Match", ""}, 0},
		{[]string{"If-None-Match", "W/"}, 0},
		{[]string{"If-Modified-Since", at}, 304},
		{[]string{"If-Modified-Since", after}, 304},
		{[]string{"If-Modified-Since", before}, 0},
		{[]string{"If-Modified-Since", "yesterday"}, 0},
		{[]string{"If-Modified-Since", at, "If-Modified-Since", at}, 0},
		{[]string{"If-None-Match", other, "If-Modified-Since", at}, 0}, // the tag decides
		{[]string{"If-None-Match", v.tag, "If-Modified-Since", before}, 304},
		{[]string{"If-Match", v.tag}, 0},
		{[]string{"If-Match", "*"}, 0},
		{[]string{"If-Match", other}, 412},
		{[]string{"If-Match", "W/" + v.tag}, 412}, // weak is not enough
		{[]string{"If-Unmodified-Since", at}, 0},
		{[]string{"If-Unmodified-Since", before}, 412},
		{[]string{"If-Unmodified-Since", "never"}, 0},
		{[]string{"If-Match", v.tag, "If-Unmodified-Since", before}, 0}, // the tag decides
		{[]string{"If-Match", other, "If-None-Match", v.tag}, 412},
		{[]string{"If-Match", v.tag, "If-None-Match", v.tag}, 304},
	} {
		h := http.Header{}
		for i := 0; i < len(c.fields); i += 2 {
			h.Add(c.fields[i], c.fields[i+1])
		}
		if got := precondition(h, v); got != c.want {
			t.Errorf("%v: %d, want %d", c.fields, got, c.want)
		}
	}
}

func TestIfRange(t *testing.T) {
	changed := time.Date(2025, 3, 1, 12, 0, 0, 5, time.UTC)
	v := newVersion(42, changed.Unix(), 5)
	for value, want := range map[string]bool{
		v.tag:                    true,
		"W/" + v.tag:             false, // strong comparison
		`"other"`:                false,
		changed.Format(httpTime): true,
		changed.Add(time.Second).Format(httpTime):  false,
		changed.Add(-time.Second).Format(httpTime): false,
		"*":   false,
		"":    false,
		"abc": false,
	} {
		if got := rangeHolds(http.Header{"If-Range": {value}}, v); got != want {
			t.Errorf("If-Range: %s: %v, want %v", value, got, want)
		}
	}
	if !rangeHolds(http.Header{}, v) {
		t.Error("without If-Range a Range does not count")
	}
}

// Tags differ where files do, and nowhere else.
func TestTags(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range []version{
		newVersion(0, 0, 0), newVersion(1, 0, 0), newVersion(0, 1, 0), newVersion(0, 0, 1),
		newVersion(0, -1, 0), newVersion(1<<40, 1<<31, 999_999_999), newVersion(0x11, 0, 1), newVersion(1, 0, 0x11),
	} {
		if seen[v.tag] {
			t.Errorf("%s stands for two files", v.tag)
		}
		seen[v.tag] = true
		if v.tag[0] != '"' || v.tag[len(v.tag)-1] != '"' {
			t.Errorf("%s is no strong tag", v.tag)
		}
	}
	if again := newVersion(1, 0, 0x11); again.tag != newVersion(1, 0, 17).tag {
		t.Error("the same file has two tags")
	}
}
