package bench

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// startSink runs a sink in this process and says where it is.
func startSink(t *testing.T) string {
	t.Helper()
	stop, in := io.Pipe()
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Sink(loopback, stop, said) }()
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return strings.TrimSpace(at)
}

// tell sends bytes as a stream of length bytes from offset from on, and returns what
// the sink says of it.
func tell(t *testing.T, at string, h hello, bytes []byte) error {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(append(h.marshal(), bytes...)); err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	v, err := parseVerdict(answer)
	if err != nil {
		return err
	}
	return v.check(h.Length)
}

func TestTheSinkFindsWhatIsLostOrComesTwice(t *testing.T) {
	at := startSink(t)
	const size, from = 5<<20 + 123, 777
	right := make([]byte, size)
	fill(right, from)
	cut := func(i, n int) []byte { return append(append([]byte{}, right[:i]...), right[i+n:]...) }
	twice := func(i, n int) []byte { return append(append([]byte{}, right[:i+n]...), right[i:]...) }
	// One byte lost and another twice: the count is right, and all between is shifted.
	shifted := append(append(append([]byte{}, right[:3000]...), right[3001:3<<20]...), right[3<<20-1:]...)
	flipped := append([]byte{}, right...)
	flipped[2<<20+5] ^= 4
	for _, c := range []struct {
		name     string
		bytes    []byte
		says     string
		onlyFull bool // found only when every byte is compared
	}{
		{name: "right", bytes: right},
		{name: "a byte lost", bytes: cut(1<<20, 1), says: "1 of"},
		{name: "the end lost", bytes: right[:size-4096], says: "4096 of"},
		{name: "nothing came", bytes: nil, says: "were lost"},
		{name: "a page twice", bytes: twice(8192, 4096), says: "4096 bytes more"},
		{name: "lost and twice", bytes: shifted, says: "came twice"},
		{name: "one bit", bytes: flipped, says: "came twice", onlyFull: true},
	} {
		for _, verify := range []bool{true, false} {
			err := tell(t, at, hello{Verify: verify, From: from, Length: size}, c.bytes)
			want := c.says
			if c.onlyFull && !verify {
				want = ""
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, every byte compared %v: %v, want %q", c.name, verify, err, want)
			}
		}
	}
}

func TestTheSinkWantsAHello(t *testing.T) {
	at := startSink(t)
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: a bench is none\r\n\r\n"))
	if answer, _ := io.ReadAll(c); len(answer) != 0 {
		t.Errorf("answered %q", answer)
	}
}
