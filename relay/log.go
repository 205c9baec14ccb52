package relay

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"

	"relay/config"
)

// logQueue is how many lines may wait for a slow reader of the log. Past it the oldest
// are lost, counted, and the count is logged: a loop never waits for a log.
const logQueue = 16384

// linesLost counts them.
var linesLost atomic.Uint64

// NewLog makes the program's log, written to w by a goroutine of its own. flush writes
// what is queued and ends it.
func NewLog(c config.Log, w *os.File) (log zerolog.Logger, flush func()) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = struct{ io.Writer }{w} // the queue closes what it can close; standard error is not its own
	if c.Format == "console" {
		out = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000", NoColor: !terminal(w)}
	}
	SetLogLevel(c.Level)
	direct := zerolog.New(out).With().Timestamp().Logger()
	queue := diode.NewWriter(out, logQueue, 0, func(missed int) {
		linesLost.Add(uint64(missed))
		direct.Warn().Int("lines", missed).Msg("log lines lost: the log is read too slowly")
	})
	log = zerolog.New(queue).With().Timestamp().Logger()
	return log, func() { queue.Close() }
}

// SetLogLevel sets the least level that is written, at once and for the whole process.
func SetLogLevel(name string) {
	level, err := zerolog.ParseLevel(name)
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	zerolog.SetGlobalLevel(level)
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
