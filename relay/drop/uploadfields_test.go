package drop

import (
	"net/http"
	"testing"
	"time"
)

func TestMtimeIsRead(t *testing.T) {
	for s, want := range map[string]time.Time{
		"0": time.Unix(0, 0), "1700000000": time.Unix(1700000000, 0), "1700000000.5": time.Unix(1700000000, 5e8),
		"1.123456789": time.Unix(1, 123456789), "1.1234567891": time.Unix(1, 123456789), "-1": time.Unix(-1, 0),
		"-1.25": time.Unix(-2, 75e7), "-0.25": time.Unix(-1, 75e7), "5.": time.Unix(5, 0),
	} {
		if got, err := readMtime(s); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"x", "1.x", "1.-5", "+1", " 1", "99999999999999999999", "1e9", ".5", "1.5.5"} {
		if got, err := readMtime(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestModeIsRead(t *testing.T) {
	for s, want := range map[string]uint32{"": 0, "0644": settable | 0o644, "644": settable | 0o644, "0": settable, "4755": settable | 0o755} {
		if got, err := readMode(s); err != nil || got != want {
			t.Errorf("%q is %o, %v", s, got, err)
		}
	}
	for _, s := range []string{"rw-", "8", "-1", "100644", "0o644"} {
		if got, err := readMode(s); err == nil {
			t.Errorf("%q is %o", s, got)
		}
	}
}

func FuzzUploadFields(f *testing.F) {
	f.Add("1700000000.5", "0644", "sha-256=:AAAA:", "SHA-256=AAAA")
	f.Fuzz(func(_ *testing.T, mtime, mode, repr, old string) {
		_, _ = readUploadFields(http.Header{"X-Oc-Mtime": {mtime}, "X-Relay-Mode": {mode}, "Repr-Digest": {repr}, "Digest": {old}})
	})
}
