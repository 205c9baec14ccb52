package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/config"
)

// A line that is alone comes out alone: nobody waits for the next one.
func TestLogLinesDoNotWait(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, flush := NewLog(config.Log{Level: "info", Format: "json"}, w)
	lines := bufio.NewScanner(r)
	for i := range 2000 {
		log.Info().Int("i", i).Msg("line")
		if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), fmt.Sprintf(`"i":%d,`, i)) {
			t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
		}
	}
	flush()
}

// stuck is a reader of the log that takes nothing until it is let go.
type stuck struct {
	mu  sync.Mutex
	got bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.Write(p)
}

// A reader that does not read costs lines, which are counted, and no time.
func TestLogLinesLostAreCounted(t *testing.T) {
	w := &stuck{}
	buffer := bufio.NewWriterSize(w, 64)
	q := newLineQueue(buffer, buffer, w)
	before := linesLost.Load()
	w.mu.Lock()
	line := []byte(strings.Repeat("x", 100) + "\n")
	for range logQueue + 100 {
		q.Write(line)
	}
	lost := linesLost.Load() - before
	w.mu.Unlock()
	q.Close()
	if lost < 90 || lost > 100 {
		t.Errorf("%d lines lost", lost)
	}
	written := uint64(strings.Count(w.got.String(), "xx\n"))
	if written+lost != logQueue+100 {
		t.Errorf("%d written and %d lost of %d", written, lost, logQueue+100)
	}
	if !strings.Contains(w.got.String(), fmt.Sprintf(`"lines":%d`, lost)) {
		t.Error("the log does not tell")
	}
}
