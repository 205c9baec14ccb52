package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"relay/relay/admin"
	"relay/relay/transfer"
)

// show tells people or programs how a transfer goes.
type show struct {
	mu    sync.Mutex
	run   *transfer.Run
	json  *json.Encoder            // nil = for people
	bar   *progressbar.ProgressBar // nil = not on a terminal
	quiet bool
	began time.Time
	last  string    // the file that began last
	why   string    // something was tried again, and
	said  time.Time // when that was said
	over  chan struct{}
	done  sync.WaitGroup
}

const (
	drawEvery = 100 * time.Millisecond
	tellEvery = time.Second
)

func newShow(f *transferFlags, c *cobra.Command) *show {
	s := &show{quiet: f.quiet, began: time.Now(), over: make(chan struct{})}
	out := c.OutOrStdout()
	if f.payload {
		out = c.ErrOrStderr()
	}
	switch {
	case f.json:
		s.json = json.NewEncoder(out)
		s.json.SetEscapeHTML(false)
	case f.payload && isatty.IsTerminal(os.Stdout.Fd()): // a bar would be drawn into the file
	case !f.quiet && isatty.IsTerminal(os.Stderr.Fd()):
		s.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true), progressbar.OptionShowCount())
	}
	return s
}

// begin draws, or tells, until the end.
func (s *show) begin(r *transfer.Run) {
	s.run = r
	every := tellEvery
	if s.bar != nil {
		every = drawEvery
	} else if s.json == nil {
		return
	}
	s.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.draw()
			case <-s.over:
				return
			}
		}
	})
}

// draw shows how far it is.
func (s *show) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.json != nil {
		_ = s.json.Encode(s.sums("progress", nil)) // whoever does not read does not want it
		return
	}
	done, all := s.run.BytesDone.Load(), s.run.Bytes.Load()
	s.bar.ChangeMax64(max(all, 1))
	s.bar.Describe(fmt.Sprintf("%d/%d %-24.24s", s.run.FilesDone.Load(), s.run.Files.Load(), filepath.Base(s.last)))
	_ = s.bar.Set64(min(done, all-1)) // a bar that cannot be drawn changes nothing
}

// sums are the numbers of a transfer.
type sums struct {
	Event       string  `json:"event"`
	Files       int64   `json:"files"`
	FilesDone   int64   `json:"files_done"`
	FilesFailed int64   `json:"files_failed"`
	Bytes       int64   `json:"bytes"`
	BytesDone   int64   `json:"bytes_done"`
	BytesMoved  int64   `json:"bytes_moved"`
	Seconds     float64 `json:"seconds"`
	Error       string  `json:"error,omitempty"`
}

func (s *show) sums(event string, err error) sums {
	r := s.run
	x := sums{
		Event: event, Files: r.Files.Load(), FilesDone: r.FilesDone.Load(), FilesFailed: r.FilesFailed.Load(),
		Bytes: r.Bytes.Load(), BytesDone: r.BytesDone.Load(), BytesMoved: r.BytesMoved.Load(), Seconds: time.Since(s.began).Seconds(),
	}
	if err != nil {
		x.Error = err.Error()
	}
	return x
}

// tell is told what happens to each file.
func (s *show) tell(e transfer.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.json != nil:
		_ = s.json.Encode(e)
	case e.Kind == transfer.Started:
		s.last = e.Path
	case e.Kind == transfer.Finished && e.Stored != "" && !s.quiet:
		s.say("kept both: %s is %s", e.Path, e.Stored)
	case e.Kind == transfer.Retried && !s.quiet:
		s.sayAgain(e.Why)
	case e.Kind == transfer.Skipped && e.Size < 0:
		s.say("left out: %s: %s", e.Path, e.Why)
	}
}

// againEvery is how often the same reason for another try is worth a line: several
// connections may have it at once, and each has it again and again.
const againEvery = 10 * time.Second

// sayAgain says why something is tried again.
func (s *show) sayAgain(why string) {
	if why == s.why && time.Since(s.said) < againEvery {
		return
	}
	s.why, s.said = why, time.Now()
	s.say("trying again: %s", why)
}

// say writes a line above the bar.
func (s *show) say(format string, args ...any) {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// end takes the bar away and says what was done.
func (s *show) end(err error) {
	close(s.over)
	s.done.Wait()
	switch {
	case s.json != nil:
		_ = s.json.Encode(s.sums("summary", err))
	case s.bar != nil:
		_ = s.bar.Clear()
		if err == nil {
			x := s.sums("", nil)
			fmt.Fprintf(os.Stderr, "%s, %s in %.1f s, %s/s", count(x.FilesDone, "file"), admin.Size(float64(x.BytesDone)),
				x.Seconds, admin.Size(float64(x.BytesMoved)/x.Seconds))
			if there := x.BytesDone - x.BytesMoved; there > 0 { // less: some of it was moved twice
				fmt.Fprintf(os.Stderr, "; %s were there already", admin.Size(float64(there)))
			}
			fmt.Fprintln(os.Stderr)
		}
	}
}
