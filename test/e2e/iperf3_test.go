//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
)

// TestIperf3 has one server per run: it ends by itself after its client, and well.
func TestIperf3(t *testing.T) {
	for name, args := range map[string][]string{
		"up":             {},
		"down":           {"-R"},
		"8 streams up":   {"-P", "8"},
		"8 streams down": {"-P", "8", "-R"},
		"both ways":      {"-P", "4", "--bidir"},
		"small writes":   {"-l", "100", "--no-delay"},
	} {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t, "127.0.0.1")
			server := program(t, "iperf3", "-s", "-1", "-p", portOf(t, address), "-B", "127.0.0.1").serve(t, address)
			r := startProxy(t, "auto", address)
			port := portOf(t, r.Address(t, "web"))
			client := program(t, "iperf3", append([]string{"-c", "127.0.0.1", "-p", port, "-t", "1", "-J"}, args...)...)
			wantTraffic(t, client.ok(t))
			if code := server.wait(t); code != 0 {
				t.Errorf("the server ended with code %d", code)
			}
		})
	}
}

// wantTraffic reads iperf3's report: the other side has received what one sent, but
// for what was on its way when the time was up.
func wantTraffic(t testing.TB, report string) {
	t.Helper()
	type sum struct{ Bytes int64 }
	var r struct {
		Error string
		End   struct {
			Sent            sum  `json:"sum_sent"`
			Received        sum  `json:"sum_received"`
			SentReverse     *sum `json:"sum_sent_bidir_reverse"`
			ReceivedReverse *sum `json:"sum_received_bidir_reverse"`
		}
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil || r.Error != "" {
		t.Fatalf("iperf3: %v %s", err, r.Error)
	}
	check := func(sent, received int64) {
		if received <= 0 || received > sent {
			t.Errorf("%d bytes sent, %d received", sent, received)
		}
	}
	check(r.End.Sent.Bytes, r.End.Received.Bytes)
	if r.End.SentReverse != nil {
		check(r.End.SentReverse.Bytes, r.End.ReceivedReverse.Bytes)
	}
}
