package relay

import (
	"bufio"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// NewLog makes the program's log, written to w by a goroutine of its own. flush writes
// what is queued and ends it.
func NewLog(c config.Log, w *os.File) (log zerolog.Logger, flush func()) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	setLogLevel(c.Level)
	buffer := bufio.NewWriterSize(w, 64<<10)
	var format io.Writer = buffer
	if c.Format == "console" {
		format = zerolog.ConsoleWriter{Out: buffer, TimeFormat: "15:04:05.000", NoColor: !terminal(w)}
	}
	queue := newLineQueue(format, buffer, w)
	return zerolog.New(queue).With().Timestamp().Logger(), queue.Close
}

// setLogLevel sets the least level that is written, at once and for the whole process.
func setLogLevel(name string) {
	level, err := zerolog.ParseLevel(name)
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	zerolog.SetGlobalLevel(level)
}

func logLevel() string { return zerolog.GlobalLevel().String() }

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
