package relay

import (
	"bufio"
	"io"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// logQueue is how many lines may wait for a slow reader of the log. Past it lines are
// lost, counted, and the count is logged: a loop never waits for a log.
const logQueue = 16384

// linesLost counts them, for the metrics.
var linesLost atomic.Uint64

// lineQueue is written to from any goroutine and never blocks; a goroutine of its own
// passes the lines on, several in one write when they come fast.
//
// (zerolog's own queue, package diode, is not used: its writer signals without the lock
// that its reader checks under, so that a line may lie there until the next one comes.)
type lineQueue struct {
	format io.Writer
	buffer *bufio.Writer
	w      io.Writer
	told   uint64 // lines lost that the log knows of
	lines  chan *[]byte
	end    chan struct{} // closed to end the goroutine
	ended  sync.WaitGroup
}

var lineBuffers = sync.Pool{New: func() any { return new([]byte) }}

// newLineQueue passes lines on to format, one by one, which writes them to buffer; the
// buffer goes on to w when no more lines are waiting. Lines that found no room are told
// to format, too.
func newLineQueue(format io.Writer, buffer *bufio.Writer, w io.Writer) *lineQueue {
	q := &lineQueue{told: linesLost.Load(), format: format, buffer: buffer, w: w, lines: make(chan *[]byte, logQueue), end: make(chan struct{})}
	q.ended.Go(q.run)
	return q
}

// Write queues a line, which it copies.
func (q *lineQueue) Write(p []byte) (int, error) {
	line := lineBuffers.Get().(*[]byte)
	*line = append((*line)[:0], p...)
	select {
	case q.lines <- line:
	default:
		linesLost.Add(1)
		lineBuffers.Put(line)
	}
	return len(p), nil
}

func (q *lineQueue) run() {
	for {
		select {
		case line := <-q.lines:
			q.pass(line)
			q.tell()
		case <-q.end:
			for len(q.lines) > 0 {
				q.pass(<-q.lines)
			}
			q.tell()
			return
		}
	}
}

// tell writes a line about lines that were lost since it was last told.
func (q *lineQueue) tell() {
	n := linesLost.Load()
	if n == q.told {
		return
	}
	log := zerolog.New(q.format).With().Timestamp().Logger()
	log.Warn().Uint64("lines", n-q.told).Msg("log lines lost: the log is read too slowly")
	q.flush()
	q.told = n
}

// pass writes a line, and everything once no more are waiting.
func (q *lineQueue) pass(line *[]byte) {
	q.format.Write(*line) // an error is seen when flushing
	lineBuffers.Put(line)
	if len(q.lines) == 0 {
		q.flush()
	}
}

// flush empties the buffer. There is nobody to tell of an error, and it must not stick.
func (q *lineQueue) flush() {
	if q.buffer.Flush() != nil {
		q.buffer.Reset(q.w)
	}
}

// Close writes what is queued and returns when that is done.
func (q *lineQueue) Close() {
	close(q.end)
	q.ended.Wait()
}
