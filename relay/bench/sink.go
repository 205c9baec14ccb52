package bench

import (
	"io"
	"net/netip"

	"golang.org/x/sys/unix"

	"relay/relay/loop"
	"relay/relay/sock"
)

const (
	// sampleEvery is how much is thrown away unread between two words that are compared.
	sampleEvery = 1 << 20
	sampleBytes = 8
	// readsMost bounds a turn of one stream.
	readsMost = 16
)

// Sink serves as the discarding end of benches until in ends. It writes the address to
// out, one line.
func Sink(at netip.AddrPort, in io.Reader, out io.Writer) error {
	return serve(at, in, out, func(l *loop.Loop) func(int) {
		s := &sink{loop: l, buf: make([]byte, sampleEvery), want: make([]byte, sampleEvery)}
		return s.take
	})
}

type sink struct {
	loop      *loop.Loop
	buf, want []byte // buf is never touched by what is only counted
}

// incoming is one stream.
type incoming struct {
	sink  *sink
	fd    int
	token loop.Token
	head  []byte
	hello hello
	verdict
}

func (s *sink) take(fd int) {
	in := &incoming{sink: s, fd: fd, verdict: verdict{Wrong: -1}}
	token, errno := s.loop.Register(fd, in, 0, loop.In)
	if errno != 0 {
		sock.Close(fd)
		return
	}
	in.token = token
}

func (in *incoming) Ready(uint8, loop.Events) {
	for range readsMost {
		asked, n, errno := in.read()
		switch {
		case errno == unix.EAGAIN:
			return
		case errno != 0:
			in.close()
			return
		case n == 0:
			in.answer()
			return
		case n < asked:
			return // that was all
		}
	}
}

// read takes the next piece in whatever way it is to be looked at.
func (in *incoming) read() (asked, n int, errno sock.Errno) {
	if len(in.head) < helloBytes {
		return in.readHello()
	}
	at := in.hello.From + in.Got
	into := at % sampleEvery
	part := in.sink.buf
	switch {
	case in.hello.Verify:
	case into < sampleBytes:
		part = part[:sampleBytes-into]
	default:
		part = part[:sampleEvery-into]
		n, errno = sock.Discard(in.fd, part)
		in.Got += int64(n)
		return len(part), n, errno
	}
	n, errno = sock.Recv(in.fd, part)
	if i := differs(part[:n], in.sink.want, at); i >= 0 && in.Wrong < 0 {
		in.Wrong = at + int64(i)
	}
	in.Got += int64(n)
	return len(part), n, errno
}

func (in *incoming) readHello() (asked, n int, errno sock.Errno) {
	part := in.sink.buf[:helloBytes-len(in.head)]
	n, errno = sock.Recv(in.fd, part)
	in.head = append(in.head, part[:n]...)
	if len(in.head) == helloBytes {
		var err error
		if in.hello, err = parseHello(in.head); err != nil {
			return 0, 0, unix.EPROTO
		}
	}
	return len(part), n, errno
}

// answer says what came. The socket is empty and has room.
func (in *incoming) answer() {
	if len(in.head) == helloBytes {
		sock.Send(in.fd, in.verdict.marshal(), false)
	}
	in.close()
}

func (in *incoming) close() {
	in.sink.loop.Forget(in.token)
	sock.Close(in.fd)
}
