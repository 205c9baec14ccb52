package bench

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"relay/relay/loop"
	"relay/relay/sock"
)

// Feed serves as the source of streams until in ends: it sends ranges of the file, by
// sendfile, which costs the reader's machine least. It writes its address to out.
func Feed(file *os.File, in io.Reader, out io.Writer) error {
	return serve(loopback, in, out, func(l *loop.Loop) func(int) {
		return func(fd int) { feed(l, int(file.Fd()), fd) }
	})
}

// outgoing is one stream.
type outgoing struct {
	loop  *loop.Loop
	file  int
	fd    int
	token loop.Token
	head  []byte
	at    int64
	end   int64
	sent  bool
}

func feed(l *loop.Loop, file, fd int) {
	o := &outgoing{loop: l, file: file, fd: fd}
	token, errno := l.Register(fd, o, 0, loop.In)
	if errno != 0 {
		sock.Close(fd)
		return
	}
	o.token = token
}

func (o *outgoing) Ready(_ uint8, ev loop.Events) {
	switch {
	case ev&(loop.Err|loop.Hup) != 0 || o.sent:
		o.close() // the reader is done, or gone
	case len(o.head) < helloBytes:
		o.begin()
	default:
		o.send()
	}
}

func (o *outgoing) begin() {
	part := make([]byte, helloBytes-len(o.head))
	n, errno := sock.Recv(o.fd, part)
	o.head = append(o.head, part[:n]...)
	if n == 0 && errno != unix.EAGAIN {
		o.close()
		return
	}
	if len(o.head) < helloBytes {
		return
	}
	h, err := parseHello(o.head)
	if err != nil {
		o.close()
		return
	}
	o.at, o.end = h.From, h.From+h.Length
	o.loop.Ask(o.token, loop.Out)
}

// send gives the socket what it takes, and then the end.
func (o *outgoing) send() {
	for o.at < o.end {
		want := int(min(o.end-o.at, 1<<20))
		n, errno := sock.SendFile(o.fd, o.file, o.at, want, true)
		if errno == unix.EAGAIN {
			return
		}
		if n == 0 {
			o.close() // an error, or the file is shorter: the reader sees too few bytes
			return
		}
		if o.at += int64(n); n < want {
			return
		}
	}
	sock.Shutdown(o.fd, unix.SHUT_WR)
	o.sent = true
	o.loop.Ask(o.token, loop.In)
}

func (o *outgoing) close() {
	o.loop.Forget(o.token)
	sock.Close(o.fd)
}
