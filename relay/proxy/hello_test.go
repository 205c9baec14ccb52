package proxy

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"
)

// clientHelloOf is what the standard library's client says first.
func clientHelloOf(t testing.TB, c *tls.Config) []byte {
	t.Helper()
	c.InsecureSkipVerify = true
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, c).Handshake() // the other side leaves
		near.Close()
	}()
	defer far.Close()
	b := make([]byte, helloMost)
	n, err := far.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// inRecords cuts the handshake message of a flight into records of this many bytes.
func inRecords(flight []byte, size int) []byte {
	var b []byte
	for part := range slices.Chunk(flight[recordHead:], size) {
		b = append(b, flight[0], flight[1], flight[2], byte(len(part)>>8), byte(len(part)))
		b = append(b, part...)
	}
	return b
}

func TestHello(t *testing.T) {
	flight := clientHelloOf(t, &tls.Config{ServerName: "WWW.Example.org", NextProtos: []string{"h2", "http/1.1"}})
	for name, b := range map[string][]byte{
		"one record":              flight,
		"records of 100 bytes":    inRecords(flight, 100),
		"records of 3 bytes":      inRecords(flight, 3),
		"records of 1 byte":       inRecords(flight, 1),
		"with more bytes behind":  append(slices.Clone(flight), "early data"...),
		"with more and a record ": append(inRecords(flight, 700), 23, 3, 3, 0, 1, 0),
	} {
		t.Run(name, func(t *testing.T) {
			first := 0
			for n := range len(b) + 1 {
				switch judge(b[:n]) {
				case other:
					t.Fatalf("refused at %d bytes of %d", n, len(b))
				case complete:
					if first == 0 {
						first = n
					}
				case partial:
					if first != 0 {
						t.Fatalf("complete at %d bytes and not at %d", first, n)
					}
				}
			}
			h := parseHello(b[:first])
			if h.serverName != "www.example.org" || !slices.Equal(h.protocols, []string{"h2", "http/1.1"}) {
				t.Errorf("at %d bytes: %+v", first, h)
			}
		})
	}
}

func TestHelloWithoutName(t *testing.T) {
	b := clientHelloOf(t, &tls.Config{ServerName: "127.0.0.1"})
	if h := parseHello(b); judge(b) != complete || h.serverName != "" || len(h.protocols) != 0 {
		t.Errorf("%v, %+v", judge(b), h)
	}
}

// What is kept of a hello is bounded, whatever the client puts into it.
func TestHelloOfAbsurdNames(t *testing.T) {
	few := make([]string, 200)
	for i := range few {
		few[i] = "proto"
	}
	for name, c := range map[string]struct {
		config    *tls.Config
		name      string
		protocols int
	}{
		"longest name":   {&tls.Config{ServerName: strings.Repeat("a", nameMost)}, strings.Repeat("a", nameMost), 0},
		"too long":       {&tls.Config{ServerName: strings.Repeat("a", nameMost+1)}, "", 0},
		"many protocols": {&tls.Config{NextProtos: few}, "", protocolsMost / len("+proto")},
		"few protocols":  {&tls.Config{NextProtos: few[:2]}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := clientHelloOf(t, c.config)
			h := parseHello(b)
			if judge(b) != complete || h.serverName != c.name || len(h.protocols) != c.protocols {
				t.Errorf("a name of %d bytes and %d protocols; want %d, %d", len(h.serverName), len(h.protocols), len(c.name), c.protocols)
			}
			if kept := cap(h.protocols); kept > protocolsMost {
				t.Errorf("room for %d protocols is kept", kept)
			}
		})
	}
}

func TestNoHello(t *testing.T) {
	long := make([]byte, 1<<17)
	copy(long, []byte{22, 3, 1, 0x40, 0, 1, 0, 0x40, 0}) // a message of 16 KiB and more
	for name, b := range map[string][]byte{
		"HTTP":              []byte("GET / HTTP/1.1\r\n"),
		"ssh":               []byte("SSH-2.0-x\r\n"),
		"SSLv2":             {0x80, 0x2e, 1, 3, 1},
		"an alert":          {21, 3, 3, 0, 2, 1, 0},
		"an empty record":   {22, 3, 1, 0, 0},
		"a huge record":     {22, 3, 1, 0xff, 0xff},
		"a server's hello":  {22, 3, 3, 0, 4, 2, 0, 0, 0},
		"too long a hello":  long,
		"one byte of other": {'S'},
	} {
		if v := judge(b); v != other {
			t.Errorf("%s: %v", name, v)
		}
	}
	if v := judge(nil); v != partial {
		t.Errorf("nothing: %v", v)
	}
}

func FuzzHello(f *testing.F) {
	flight := clientHelloOf(f, &tls.Config{ServerName: "www.example.org", NextProtos: []string{"h2"}})
	f.Add(flight)
	f.Add(inRecords(flight, 7))
	f.Add([]byte("SSH-2.0-x\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > helloMost {
			return
		}
		v := judge(b)
		if v == complete {
			parseHello(b) // is not asked otherwise, and must only come back
		}
		for n := 0; n < len(b); n += 1 + len(b)/50 {
			if cut := judge(b[:n]); cut != partial && cut != v {
				t.Fatalf("%v at %d bytes, %v at %d", cut, n, v, len(b))
			}
		}
	})
}

func BenchmarkHello(b *testing.B) {
	flight := clientHelloOf(b, &tls.Config{ServerName: "www.example.org", NextProtos: []string{"h2", "http/1.1"}})
	b.ReportAllocs()
	for b.Loop() {
		if judge(flight) == complete {
			parseHello(flight)
		}
	}
}
