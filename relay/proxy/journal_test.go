package proxy

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"
)

// journal is the log of a rig, read while it is written.
type journal struct {
	mu    sync.Mutex
	lines []line
}

// line is one line of the log; what a line does not say is empty.
type line struct {
	Message   string
	Level     string
	Address   string
	Listener  string
	Upstream  string
	Client    string
	Backend   string
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
	Retries   int
	Reason    Reason
	Error     string
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var l line
	if err := json.Unmarshal(bytes.TrimSpace(p), &l); err != nil {
		return 0, err
	}
	j.lines = append(j.lines, l)
	return len(p), nil
}

// of is the lines with this message.
func (j *journal) of(message string) []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []line
	for _, l := range j.lines {
		if l.Message == message {
			all = append(all, l)
		}
	}
	return all
}

// wantReason waits for the end of the n-th session and checks why it ended.
func (r *rig) wantReason(n int, want Reason) line {
	r.t.Helper()
	eventually(r.t, "the session ends", func() bool { return len(r.journal.of("session")) >= n })
	l := r.journal.of("session")[n-1]
	if l.Reason != want {
		r.t.Errorf("the session ended for the reason %q, want %q (%+v)", l.Reason, want, l)
	}
	return l
}

// eventually waits for what no event tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

// quickly is eventually with less patience, for what must not wait for a timeout.
func quickly(t *testing.T, what string, ok func() bool) bool {
	t.Helper()
	for end := time.Now().Add(time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("it was not soon that %s", what)
			return false
		}
	}
	return true
}
