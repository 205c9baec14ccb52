package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Version is that of the protocol. It changes whenever an older process would
// misunderstand a message.
const Version = 1

// DescriptorsMost is how many descriptors a message carries at most: SCM_MAX_FD of the
// kernel, see unix(7).
const DescriptorsMost = 253

// A message is these eight bytes, with which its descriptors travel, and then its text:
//
//	0     version
//	1     kind
//	2–3   descriptors
//	4–7   length of the text, which is JSON
const headBytes = 8

// textMost bounds a message: a batch of sessions that all found no pipe, or the counters
// of very many backends.
const textMost = 64 << 20

// conn is one end of the socketpair. One goroutine writes to it and one reads.
type conn struct{ *net.UnixConn }

func newConn(f *os.File) (*conn, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("not a unix socket")
	}
	return &conn{u}, nil
}

// pair makes a socketpair: an end for this process and one for a child.
func pair() (*conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "handover"), os.NewFile(uintptr(fds[1]), "handover")
	c, err := newConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// send writes a message; nil is one without a text. The descriptors stay the sender's.
func (c *conn) send(k kind, v any, fds []int) error {
	var text []byte
	if v != nil {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
	}
	if len(text) > textMost {
		return fmt.Errorf("%v: %d bytes are more than a message can have", k, len(text))
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	head := [headBytes]byte{0: Version, 1: byte(k)}
	binary.BigEndian.PutUint16(head[2:], uint16(len(fds)))
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	if _, _, err := c.WriteMsgUnix(head[:], rights, nil); err != nil {
		return fmt.Errorf("send %v: %w", k, ended(err))
	}
	if len(text) == 0 {
		return nil
	}
	if _, err := c.Write(text); err != nil {
		return fmt.Errorf("send %v: %w", k, ended(err))
	}
	return nil
}

// message is one that was received. Whoever has it owns its descriptors.
type message struct {
	kind kind
	text []byte
	fds  []int
}

// errVersion is a message of another version of the protocol.
var errVersion = errors.New("the other process speaks another version of the hand-over")

// receive reads a message. io.EOF says that the other end is closed, between two
// messages or within one.
func (c *conn) receive() (message, error) {
	var head [headBytes]byte
	rights := make([]byte, unix.CmsgSpace(4*DescriptorsMost))
	// The head comes in one piece, since it was sent in one, and the descriptors with it.
	n, oob, flags, _, err := c.ReadMsgUnix(head[:], rights)
	if n == 0 && err == nil {
		err = io.EOF
	}
	if err != nil {
		return message{}, ended(err)
	}
	m := message{kind: kind(head[1])}
	m.fds, err = descriptors(rights[:oob])
	switch {
	case err != nil:
	case n < headBytes:
		err = fmt.Errorf("%d bytes instead of a message", n)
	case head[0] != Version && m.kind != no:
		err = errVersion
	case flags&unix.MSG_CTRUNC != 0 || len(m.fds) != int(binary.BigEndian.Uint16(head[2:])):
		err = fmt.Errorf("%d of %d descriptors arrived: raise LimitNOFILE", len(m.fds), binary.BigEndian.Uint16(head[2:]))
	default:
		m.text, err = c.text(binary.BigEndian.Uint32(head[4:]))
	}
	if err != nil {
		m.close()
		return message{}, err
	}
	return m, nil
}

func (c *conn) text(length uint32) ([]byte, error) {
	if length > textMost {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	text := make([]byte, length)
	_, err := io.ReadFull(c, text)
	return text, ended(err)
}

// ended makes io.EOF of every way in which a dead process closes a connection.
func ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) || errors.Is(err, net.ErrClosed) {
		return io.EOF
	}
	return err
}

func descriptors(rights []byte) (all []int, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return all, err
		}
		all = append(all, fds...)
	}
	return all, nil
}

// read decodes the text of a message.
func (m *message) read(into any) error {
	if err := json.Unmarshal(m.text, into); err != nil {
		return fmt.Errorf("%v: %w", m.kind, err)
	}
	return nil
}

// close closes the descriptors of a message.
func (m *message) close() {
	for _, fd := range m.fds {
		unix.Close(fd)
	}
	m.fds = nil
}

// limit bounds the time of what is sent and received until it is called again; 0 = none.
func (c *conn) limit(d time.Duration) {
	if d == 0 {
		c.SetDeadline(time.Time{})
		return
	}
	c.SetDeadline(time.Now().Add(d))
}
