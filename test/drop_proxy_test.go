package test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// A drop takes PROXY headers as a listener does.
func TestDropBehindAProxy(t *testing.T) {
	t.Parallel()
	dir := harness.Directory(t)
	if err := os.WriteFile(filepath.Join(dir, "word"), []byte("found"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := harness.Start(t, &harness.Config{
		Engine: harness.Table{"drain_timeout": "3s"},
		Drops: []harness.Table{{
			"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": dir,
			"accept_proxy_from": []string{"127.0.0.2"}, "header_timeout": "1s",
		}},
	})
	const get = "GET /word HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	header := string(headerFor(t, 1, "203.0.113.50:50"))
	ask := func(local string, parts ...string) string {
		c, err := peer.DialFrom(local, r.Address(t, "files"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, part := range parts {
			if _, err := c.Write([]byte(part)); err != nil {
				return "" // cut off already
			}
		}
		all, _ := io.ReadAll(c) // a reset is an answer too
		return string(all)
	}
	bytewise := strings.Split(header+get, "")
	for what, got := range map[string]string{
		"at once": ask("127.0.0.2:0", header+get), "in pieces": ask("127.0.0.2:0", bytewise...),
		"from others without": ask("127.0.0.3:0", get),
	} {
		if !strings.HasSuffix(got, "found") {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := ask("127.0.0.3:0", header+get); !strings.Contains(got, " 400 ") {
		t.Errorf("a header from others is data: %q", got)
	}
	reason := func(want string) {
		t.Helper()
		r.Line(t, want, func(l harness.Line) bool { return l.Message == "request" && l.Field("reason") == want })
	}
	r.Line(t, "the named client", func(l harness.Line) bool { return l.Field("client") == "203.0.113.50:50" })
	if got := ask("127.0.0.2:0", get); got != "" {
		t.Errorf("without a header: %q", got)
	}
	reason("bad_proxy_header")
	if got := ask("127.0.0.2:0", header[:9]); got != "" {
		t.Errorf("half a header: %q", got)
	}
	reason("header_timeout")
}
