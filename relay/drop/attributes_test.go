package drop

import (
	"net/http"
	"testing"
	"time"
)

func TestSecondsAreWrittenToTheNanosecond(t *testing.T) {
	for want, at := range map[string]time.Time{
		"0.000000000":          time.Unix(0, 0),
		"1700000000.123456789": time.Unix(1700000000, 123456789),
		"1.000000001":          time.Unix(1, 1),
		"-0.250000000":         time.Unix(-1, 750_000_000),
		"-1.500000000":         time.Unix(-2, 500_000_000),
		"-2.000000000":         time.Unix(-2, 0),
	} {
		if got := string(appendSeconds(nil, at.Unix(), int64(at.Nanosecond()))); got != want {
			t.Errorf("%v is written %s, want %s", at, got, want)
		}
	}
}

func TestAttributesAreToldWhoAsks(t *testing.T) {
	f := found{sec: 5, nsec: 7, mode: 0o104640}
	h := http.Header{"X-Relay-Want": {"attributes"}}
	if got := string(attributes(nil, h, f)); got != "X-OC-Mtime: 5.000000007\r\nX-Relay-Mode: 0640\r\n" {
		t.Errorf("told %q", got)
	}
	if got := attributes(nil, http.Header{}, f); got != nil {
		t.Errorf("nobody asked, told %q", got)
	}
}

func TestFormOfAListing(t *testing.T) {
	for accept, want := range map[string]*listingForm{
		"": asPage, "*/*": asPage, "application/json": asJSON, "text/plain, Application/JSON": asJSON,
		"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8": asPage,
	} {
		if formOf(http.Header{"Accept": {accept}}) != want {
			t.Errorf("Accept: %s gets the wrong form", accept)
		}
	}
}
