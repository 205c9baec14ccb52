package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// streamFrom fetches from a server that answers by turns, and says what came.
func streamFrom(t *testing.T, turns ...func(http.ResponseWriter, *http.Request)) (string, error) {
	t.Helper()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		turn := turns[min(asked, len(turns)-1)]
		asked++
		turn(w, q)
	}))
	defer s.Close()
	var out bytes.Buffer
	err := NewRun(Options{Digest: XXH3, GiveUpAfter: 10 * time.Second}).GetStream(context.Background(), s.URL+"/f", &out, "-")
	return out.String(), err
}

// says answers with a field or more and a text, and hangs up if less came than was said.
func says(status int, text string, fields ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		if strings.HasSuffix(text, "…") {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

// A stream goes on after a broken connection only with the rest of the very same file.
func TestStreamsGoOnWithTheSameFileOnly(t *testing.T) {
	const tag, all = `ETag: "v"`, "Content-Length: 13"
	cut := says(200, "begin…", tag, all) // 8 bytes
	for name, c := range map[string]struct {
		turns []func(http.ResponseWriter, *http.Request)
		out   string
		err   string
	}{
		"whole":           {turns(says(200, "content")), "content", ""},
		"in chunks":       {turns(says(200, "content", "Transfer-Encoding: chunked")), "content", ""},
		"goes on":         {turns(cut, says(206, "gone.", tag, "Content-Range: bytes 8-12/13")), "begin…gone.", ""},
		"another version": {turns(cut, says(206, "gone.", `ETag: "w"`, "Content-Range: bytes 8-12/13")), "begin…", "does not continue"},
		"another size":    {turns(cut, says(206, "gone.", tag, "Content-Range: bytes 8-13/14")), "begin…", "does not continue"},
		"another place":   {turns(cut, says(206, "gone.", tag, "Content-Range: bytes 7-12/13")), "begin…", "does not continue"},
		"from the start":  {turns(cut, says(200, "begin…gone...", tag)), "begin…", "the file is another now"},
		"gone":            {turns(cut, says(404, "")), "begin…", "8 bytes of 13 came"},
		"no versions":     {turns(says(200, "begin…", all)), "begin…", "strong ETag"},
		"weak versions":   {turns(says(200, "begin…", all, `ETag: W/"v"`)), "begin…", "strong ETag"},
		"nothing came":    {turns(says(503, ""), says(200, "content")), "content", ""},
		"a part at once":  {turns(says(206, "x", "Content-Range: bytes 0-0/2")), "", "206"},
		"elsewhere":       {turns(says(302, "", "Location: /g")), "", "has moved to /g"},
		"damaged":         {turns(says(200, "content", "Repr-Digest: sha-256=:"+strings.Repeat("A", 43)+"=:")), "content", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := streamFrom(t, c.turns...)
			if out != c.out || (err == nil) != (c.err == "") || !strings.Contains(fmt.Sprint(err), c.err) {
				t.Errorf("%q, %v; want %q and %q", out, err, c.out, c.err)
			}
		})
	}
}

func turns(all ...func(http.ResponseWriter, *http.Request)) []func(http.ResponseWriter, *http.Request) {
	return all
}
