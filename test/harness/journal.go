package harness

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"
)

// Line is one line of the program's log.
type Line struct {
	Level    string `json:"level"`
	Message  string `json:"message"`
	Listener string `json:"listener"`
	Drop     string `json:"drop"`
	Address  string `json:"address"`

	Raw string `json:"-"`
}

// Field is the value of any other key of the line, nil if it has none.
func (l Line) Field(key string) any {
	var all map[string]any
	_ = json.Unmarshal([]byte(l.Raw), &all)
	return all[key]
}

// Journal keeps what a process wrote, line by line, and lets tests wait for a
// line that has not come yet.
type Journal struct {
	mu      sync.Mutex
	lines   []Line
	strays  []string      // what was no JSON object
	changed chan struct{} // closed and replaced with every line
	ended   bool
}

func newJournal() *Journal { return &Journal{changed: make(chan struct{})} }

// follow reads the stream to its end.
func (j *Journal) follow(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadString('\n')
		if text = strings.TrimRight(text, "\n"); text != "" {
			j.add(text)
		}
		if err != nil {
			break
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	j.wake()
}

func (j *Journal) add(text string) {
	line := Line{Raw: text}
	err := json.Unmarshal([]byte(text), &line)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.strays = append(j.strays, text)
		line = Line{Raw: text}
	}
	j.lines = append(j.lines, line)
	j.wake()
}

func (j *Journal) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// Lines is everything so far.
func (j *Journal) Lines() []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines[:len(j.lines):len(j.lines)]
}

// Strays is every line so far that was no JSON: a panic, a race report, a
// forgotten print.
func (j *Journal) Strays() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.strays...)
}

// Tail is the last n lines as they were written.
func (j *Journal) Tail(n int) string {
	lines := j.Lines()
	var text strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		text.WriteString(l.Raw + "\n")
	}
	return text.String()
}

// wait returns the first line match likes, past or future. It gives up at the
// deadline, or when the process closed its end and no line matched.
func (j *Journal) wait(limit time.Duration, match func(Line) bool) (Line, bool) {
	deadline := time.After(limit)
	for seen := 0; ; {
		j.mu.Lock()
		fresh, changed, ended := j.lines[seen:], j.changed, j.ended
		j.mu.Unlock()
		for _, l := range fresh {
			if match(l) {
				return l, true
			}
		}
		if seen += len(fresh); ended {
			return Line{}, false
		}
		select {
		case <-changed:
		case <-deadline:
			return Line{}, false
		}
	}
}
