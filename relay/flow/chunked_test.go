package flow

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

// decode gives a body to a decoder in pieces, never more than it wants, and returns the
// data and what is left after the body.
func decode(body []byte, most int) (data, rest []byte, over bool, err error) {
	var c Chunks
	for !c.Over() && len(body) > 0 {
		n := min(c.Want(), most, len(body))
		piece := bytes.Clone(body[:n])
		body = body[n:]
		m, err := c.Decode(piece)
		data = append(data, piece[:m]...)
		if err != nil {
			return data, nil, false, err
		}
	}
	return data, body, c.Over(), nil
}

func TestChunks(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for body, want := range map[string]string{
		"0\r\n\r\n":                                    "",
		"3\r\nabc\r\n0\r\n\r\n":                        "abc",
		"3\r\nabc\r\n1\r\nd\r\n000\r\n\r\n":            "abcd",
		"00003;a=b\r\nabc\r\n0;x\r\nX: y\r\n\r\n":      "abc",
		"1388\r\n" + long + "\r\n0\r\n\r\n":            long,
		"A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n": "0123456789",
	} {
		for most := 1; most < 20; most++ {
			data, rest, over, err := decode([]byte(body+"GET / HTTP/1.1"), most)
			if string(data) != want || string(rest) != "GET / HTTP/1.1" || !over || err != nil {
				t.Errorf("%.40q by %d: %.40q, %q is left, over %v, %v", body, most, data, rest, over, err)
			}
		}
	}
	for _, body := range []string{
		"\r\n", "x\r\n", "-1\r\n", "3\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc0\r\n", "0\r\n\n", "0\r\nX: y\n\r\n",
		"1000000000000000\r\n", "3;\x00\r\n", "3;" + strings.Repeat("x", overheadMost+1), " 3\r\nabc\r\n",
	} {
		if data, _, over, err := decode([]byte(body), 1<<20); err == nil {
			t.Errorf("%.40q is %.40q, over %v", body, data, over)
		}
	}
}

// What we take, the standard library takes in the same way; and no byte after the body is
// touched.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\nGET /"), 5)
	f.Add([]byte("00003;a=b\r\nabc\r\n0;x\r\nX: y\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, body []byte, most int) {
		data, rest, over, err := decode(body, max(most, 1))
		if !over || err != nil {
			return
		}
		r := httputil.NewChunkedReader(bytes.NewReader(body[:len(body)-len(rest)]))
		want, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("%q: %q, and the standard library has %q, %v", body, data, want, err)
		}
	})
}
