package transfer

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
)

// A server whose answer does not end is not listened to for ever, nor is all of it kept.
func TestHeadsEnd(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"one line": "HTTP/1.1 200 OK\r\nX: ", "many lines": "HTTP/1.1 200 OK\r\n", "no line": "HTTP/1.1 ",
		"after some of 1xx": "HTTP/1.1 104 \r\n\r\nHTTP/1.1 104 \r\n\r\nHTTP/1.1 204 No\r\n", "nothing but 1xx": "",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		over := make(chan struct{})
		go func() {
			defer close(over)
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			more := bytes.Repeat([]byte("X: aaaa\r\n"), 1000)
			switch name {
			case "one line", "no line":
				more = bytes.Repeat([]byte("a"), 10_000)
			case "nothing but 1xx":
				more = bytes.Repeat([]byte("HTTP/1.1 104 \r\n\r\n"), 1000)
			}
			for _, err = c.Write([]byte(begin)); err == nil; _, err = c.Write(more) {
			}
		}()
		w, err := dial(context.Background(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.hear("GET"); !errors.Is(err, errHead) {
			t.Errorf("%s: %v", name, err)
		}
		w.hangUp()
		<-over
	}
}

// What ends a head early does not end a body, nor what a server tells before it answers.
func TestHeadsMayBeFollowedByMore(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const answers, early, each = 3, 5000, 1 << 20
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for range answers {
			_, _ = c.Write(bytes.Repeat([]byte("HTTP/1.1 102 Processing\r\n\r\n"), early))
			_, _ = c.Write(append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"), make([]byte, each)...))
		}
	}()
	w, err := dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.hangUp()
	for range answers {
		res, err := w.hear("GET")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if n, err := b.ReadFrom(res.Body); n != each || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
}
