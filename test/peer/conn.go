package peer

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is one end of a connection, TCP or unix.
type Conn struct {
	net.Conn

	raw   syscall.RawConn
	ended atomic.Bool // all writes went well, and FIN follows them
}

// patience bounds every connection's life, so that a stream that stalls fails its
// test with a message instead of hanging it.
const patience = 3 * time.Minute

// wrap makes a Conn of a TCP or unix connection.
func wrap(c net.Conn) (*Conn, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("no socket behind the connection")
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, raw: raw}, c.SetDeadline(time.Now().Add(patience))
}

// control runs f on the descriptor.
func (c *Conn) control(f func(fd int) error) error {
	var inner error
	if err := c.raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// IsUnix reports whether it is a unix socket, which knows no reset.
func (c *Conn) IsUnix() bool { return c.LocalAddr().Network() == "unix" }

// CloseWrite sends FIN: this direction ends, the other goes on.
func (c *Conn) CloseWrite() error {
	c.ended.Store(true) // before: the reader may see the last of the session at once
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Reset closes with a RST. What was not acknowledged yet is lost. A unix socket
// is closed.
func (c *Conn) Reset() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a closed socket, as Close will say
	}
	return c.Close()
}

// SendUrgent sends one byte of urgent data (MSG_OOB), when there is room for it.
func (c *Conn) SendUrgent(b byte) error {
	var result error
	err := c.raw.Write(func(fd uintptr) bool {
		result = unix.Sendto(int(fd), []byte{b}, unix.MSG_OOB|unix.MSG_NOSIGNAL, nil)
		return result != unix.EAGAIN
	})
	if err != nil {
		return err
	}
	return result
}

// Unsent is how many written bytes the other kernel has not acknowledged yet.
func (c *Conn) Unsent() (n int, err error) { return c.queue(unix.SIOCOUTQ) }

// Unread is how many bytes wait to be read.
func (c *Conn) Unread() (n int, err error) { return c.queue(unix.SIOCINQ) }

func (c *Conn) queue(request uint) (n int, err error) {
	err = c.control(func(fd int) error {
		n, err = unix.IoctlGetInt(fd, request)
		return err
	})
	return n, err
}

// SetBuffers asks for small kernel buffers; 0 leaves one as it is.
func (c *Conn) SetBuffers(send, receive int) error {
	return c.control(func(fd int) error {
		if send > 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, send); err != nil {
				return err
			}
		}
		if receive > 0 {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receive)
		}
		return nil
	})
}

// Vanish closes a TCP socket without a word to the other side, as a host does that
// loses its power. It needs CAP_NET_ADMIN.
func (c *Conn) Vanish() error {
	err := c.control(func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1)
	})
	if err != nil {
		return err
	}
	return c.Close()
}

// WriteBlocked writes the stream from its start until the other side has taken
// nothing for a while, and returns how much went in.
func (c *Conn) WriteBlocked(s Stream) (int64, error) {
	defer func() { _ = c.SetWriteDeadline(time.Now().Add(patience)) }()
	const quiet = 300 * time.Millisecond
	buffer := make([]byte, 64<<10)
	for sent := int64(0); ; {
		s.Fill(buffer, sent)
		_ = c.SetWriteDeadline(time.Now().Add(quiet))
		n, err := c.Write(buffer)
		sent += int64(n)
		if IsTimeout(err) && n == 0 {
			return sent, nil
		}
		if err != nil && !IsTimeout(err) {
			return sent, err
		}
	}
}
