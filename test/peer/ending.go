package peer

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ending is how a stream ended, as its reader saw it.
type Ending int

// The endings.
const (
	Broken  Ending = iota // an error that is none of the others, or wrong bytes
	FIN                   // the other side said that this is all
	Reset                 // cut off
	Timeout               // nothing came before the deadline
)

func (e Ending) String() string {
	return [...]string{"broken", "FIN", "reset", "timeout"}[e]
}

// IsReset reports whether an error says that the connection was reset.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// IsTimeout reports whether an error says that a deadline passed.
func IsTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// ending tells how the stream ended from what the last read returned.
func (c *Conn) ending(err error) Ending {
	switch {
	case errors.Is(err, io.EOF) && c.falseEOF():
		return Reset
	case errors.Is(err, io.EOF):
		return FIN
	case IsReset(err):
		return Reset
	case IsTimeout(err):
		return Timeout
	}
	return Broken
}

// falseEOF tells whether a read that says "end" may be lying. A socket reports a
// reset once, and a write may have got the report; then the read after it returns 0 as
// if a FIN had come. The states tell them apart: after a FIN a socket that has sent none
// waits in CLOSE_WAIT, after a reset it is in CLOSE. One whose
// writes all went well has had none that took the report away.
func (c *Conn) falseEOF() bool {
	if c.IsUnix() {
		return false
	}
	const stateClose = 7 // TCP_CLOSE of linux/tcp_states.h
	var state uint8
	err := c.control(func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			state = info.State
		}
		return err
	})
	// The state first: the last FIN may be on its way while we look.
	return err != nil || state == stateClose && !c.ended.Load()
}
