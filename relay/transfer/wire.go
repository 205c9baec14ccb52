package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	connectTimeout = 10 * time.Second
	// silence is how long the other side may let a connection wait for a byte.
	silence = time.Minute
	inBytes = 64 << 10 // of the buffer that answers, and small files with them, are read through
	// headMost bounds the head of an answer, in bytes, so that a server cannot fill the
	// memory with one that does not end. Those of the 1xx before it count as well, so that it
	// cannot keep anybody busy with them, but for headRate bytes a second: a server may tell
	// now and then that it is at work.
	headMost = 256 << 10
	headRate = 1 << 10
)

var errHead = final(errors.New("the head of the server's answer does not end, or others of 1xx come before it without end"))

// allowance reads from a connection, but no more than it may.
type allowance struct {
	from io.Reader
	left int64
}

func (a *allowance) Read(b []byte) (int, error) {
	if a.left <= 0 {
		return 0, errHead
	}
	n, err := a.from.Read(b)
	a.left -= int64(n)
	return n, err
}

// wire is a connection to a server. One goroutine writes requests, and one (it may be the
// same) reads the answers in the order of their requests.
type wire struct {
	*net.TCPConn
	in   *bufio.Reader
	may  *allowance // of in
	out  []byte     // requests that are not sent yet
	stop func() bool
}

// dial connects. The end of the context breaks the connection, and with it what waits.
func dial(ctx context.Context, host string) (*wire, error) {
	d := net.Dialer{Timeout: connectTimeout}
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("connect to %s: not TCP", host)
	}
	may := &allowance{from: tcp}
	w := &wire{TCPConn: tcp, in: bufio.NewReaderSize(may, inBytes), may: may}
	w.stop = context.AfterFunc(ctx, func() { tcp.Close() })
	return w, nil
}

// hangUp closes the connection.
func (w *wire) hangUp() {
	w.stop()
	w.Close()
}

// field is one line of a request's head.
type field struct{ name, value string }

// ask writes the head of a request into the buffer.
func (w *wire) ask(method string, p Place, token string, fields ...field) {
	b := append(append(append(w.out, method...), ' '), p.path...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), p.host...), "\r\nUser-Agent: relay\r\n"...)
	if token != "" {
		b = append(append(append(b, "Authorization: Bearer "...), token...), "\r\n"...)
	}
	for _, f := range fields {
		b = append(append(append(append(b, f.name...), ": "...), f.value...), "\r\n"...)
	}
	w.out = append(b, "\r\n"...)
}

// flush sends what is in the buffer.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	err := w.write(w.out)
	w.out = w.out[:0]
	return err
}

// write sends bytes; other than a request they may be many.
func (w *wire) write(b []byte) error {
	if err := w.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// pour sends at most n bytes of a file from where it stands, by sendfile: that is what
// (*net.TCPConn).ReadFrom does with a file. Fewer come with an error.
func (w *wire) pour(f *os.File, n int64) (moved int64, err error) {
	for moved < n {
		if err := w.SetWriteDeadline(time.Now().Add(silence)); err != nil {
			return moved, err
		}
		m, err := w.ReadFrom(&io.LimitedReader{R: f, N: n - moved})
		moved += m
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && m > 0: // slow, but not dead
		case err != nil:
			return moved, fmt.Errorf("the connection broke in the middle of a file: %w", err)
		case m == 0:
			return moved, errChanged // its end came too early
		}
	}
	return moved, nil
}

// hear reads the head of the next final answer; those of 1xx are overlooked. The body, if
// it is one that http.ReadResponse delimits, is the caller's.
func (w *wire) hear(method string) (*http.Response, error) {
	if err := w.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return nil, err
	}
	return w.listen(method)
}

// listen is hear for as long as the read deadline allows.
func (w *wire) listen(method string) (*http.Response, error) {
	w.may.left = headMost
	defer func() { w.may.left = math.MaxInt64 }() // a body has limits of its own
	for since := time.Now(); ; {
		res, err := http.ReadResponse(w.in, &http.Request{Method: method})
		switch {
		case err != nil && w.may.left <= 0: // in the middle of a line, maybe
			return nil, errHead
		case err != nil:
			return nil, unheard(err)
		case res.StatusCode >= http.StatusOK:
			return res, nil
		}
		now := time.Now()
		w.may.left += int64(now.Sub(since).Seconds() * headRate)
		since = now
	}
}

// unheard puts into words why no answer came.
func unheard(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer for %v", silence)
	}
	return fmt.Errorf("the connection broke before an answer came: %w", err)
}
