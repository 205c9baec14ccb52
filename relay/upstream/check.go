package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"relay/config"
	"relay/relay/sock"
)

// Preface writes what a backend expects before anything else on a connection, a PROXY
// header, to one of its checks.
type Preface func(net.Conn) error

// checker checks one backend, in the way a configuration asks for.
type checker struct {
	config   *config.HealthCheck
	backend  *Backend
	network  string
	address  string
	preface  Preface
	expected *regexp.Regexp
}

func newChecker(c *config.HealthCheck, b *Backend, preface Preface) *checker {
	k := &checker{config: c, backend: b, preface: preface, network: "tcp"}
	if b.Unix {
		k.network, k.address = "unix", strings.TrimPrefix(b.Name, "unix:")
	} else {
		at := b.Address.AddrPort()
		if c.Port != 0 {
			at = netip.AddrPortFrom(at.Addr(), uint16(c.Port))
		}
		k.address = at.String()
	}
	if c.ExpectRegexp != "" {
		k.expected = regexp.MustCompile(c.ExpectRegexp) // config has tried it
	}
	return k
}

// check asks once. It returns the connection, if there is one, for part; what was wrong,
// or ""; and false if nothing is known, because it was this machine that could not ask.
func (k *checker) check(ctx context.Context) (conn net.Conn, failure string, known bool) {
	ctx, cancel := context.WithTimeout(ctx, k.config.Timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, k.network, k.address)
	if err != nil {
		return nil, k.explain(err), !scarce(err)
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if k.preface != nil {
		err = k.preface(conn)
	}
	if err == nil {
		err = k.ask(ctx, conn)
	}
	if err != nil {
		return conn, k.explain(err), true
	}
	return conn, "", true
}

func (k *checker) ask(ctx context.Context, conn net.Conn) error {
	switch k.config.Type {
	case config.CheckHTTP:
		return k.askHTTP(conn)
	case config.CheckTLS:
		return k.askTLS(ctx, conn)
	case config.CheckExpect:
		return k.askExpect(conn)
	}
	return nil
}

// explain is an error in the words of the log.
func (k *checker) explain(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("no answer within %v", k.config.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed without an answer"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// scarce is sock.Scarce of an error of package net.
func scarce(err error) bool {
	var errno sock.Errno
	return errors.As(err, &errno) && sock.Scarce(errno)
}

const (
	// partMost and partWait bound what is waited for when a check is over.
	partMost = 256 << 10
	partWait = time.Second
)

// askExpect looks at the answer as it comes in, and stops when it is clear.
func (k *checker) askExpect(conn net.Conn) error {
	if _, err := io.WriteString(conn, k.config.Send); err != nil {
		return err
	}
	answer := make([]byte, 0, config.AnswerMost)
	for {
		n, err := conn.Read(answer[len(answer):cap(answer)])
		answer = answer[:len(answer)+n]
		good, clear := k.judge(answer)
		switch {
		case good:
			return nil
		case clear, len(answer) == cap(answer), err != nil && len(answer) > 0:
			return fmt.Errorf("answered %q", answer[:min(len(answer), 60)])
		case err != nil:
			return err
		}
	}
}

// judge says whether the answer so far is good, and whether more could change that.
func (k *checker) judge(answer []byte) (good, clear bool) {
	if k.expected != nil {
		good = k.expected.Match(answer)
		return good, good
	}
	want := []byte(k.config.Expect)
	if len(answer) >= len(want) {
		return bytes.HasPrefix(answer, want), true
	}
	return false, !bytes.HasPrefix(want, answer)
}

// part closes the connection of a check with a FIN each way. Closing a socket that holds
// unread bytes would send a reset, which fills the backend's log; so what it still sends
// is read until it closes, too, or has had its time.
func part(conn net.Conn) {
	if conn == nil {
		return
	}
	defer conn.Close()
	if half, ok := conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	conn.SetReadDeadline(time.Now().Add(partWait))
	io.CopyN(io.Discard, conn, partMost)
}
