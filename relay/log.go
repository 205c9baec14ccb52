package relay

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"

	"relay/config"
)

// logQueue is how many lines may wait for a slow reader of the log. Past it the oldest
// are lost, counted, and the count is logged: a loop never waits for a log.
const logQueue = 16384

// NewLog makes the program's log, written to w by a goroutine of its own. flush writes
// what is queued and ends it.
func NewLog(c config.Log, w *os.File) (log zerolog.Logger, flush func()) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = struct{ io.Writer }{w} // the queue closes what it can close; standard error is not its own
	if c.Format == "console" {
		out = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000", NoColor: !terminal(w)}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	direct := zerolog.New(out).With().Timestamp().Logger()
	queue := diode.NewWriter(out, logQueue, 0, func(missed int) {
		direct.Warn().Int("lines", missed).Msg("log lines lost: the log is read too slowly")
	})
	log = zerolog.New(queue).Level(level).With().Timestamp().Logger()
	return log, func() { queue.Close() }
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
