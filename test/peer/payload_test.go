package peer

import "testing"

// Payload is told from heads and chunk sizes, however the connection is cut into pieces.
func TestPayloadOfRequests(t *testing.T) {
	const text = "PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" +
		"HEAD /a HTTP/1.1\r\n\r\n" +
		"PUT /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0B\r\n\r\nContent-\n\r\n0\r\nX: 1\r\n\r\n" +
		"POST /c HTTP/1.1\r\nContent-Length: 0\r\n\r\n" +
		"PATCH /c HTTP/1.1\r\nContent-Length: 2\r\n\r\n\r\n" +
		"PUT /d HTTP/1.1\r\nContent-Length: 1\r\n\r\n!"
	const want = "hello" + "abc" + "\r\nContent-\n" + "\r\n" + "!"
	for size := 1; size <= len(text); size++ {
		var r requests
		got := ""
		for at := 0; at < len(text); at += size {
			for _, part := range r.payload([]byte(text[at:min(at+size, len(text))])) {
				got += string(part)
			}
		}
		if got != want {
			t.Fatalf("in pieces of %d bytes: %q", size, got)
		}
	}
}
