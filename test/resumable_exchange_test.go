package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"relay/test/harness"
)

// exchange is a request of the resumable protocol, and what must be in its answer.
type exchange struct {
	name    string
	text    string
	body    string
	interim []int    // the statuses of 1xx before it
	status  int      // of the answer
	fields  []string // "Name: value" is there, "Name: *" with any value, "Name:" is not
	problem string   // the type of the problem, without what all have in common
}

// hold has the exchange on a connection of its own.
func (x *exchange) hold(t testing.TB, r *dropRig) http.Header {
	t.Helper()
	c := r.client(t)
	defer c.Close()
	c.say(t, x.text+x.body)
	for _, status := range x.interim {
		res := c.interim(t)
		if res.StatusCode != status {
			t.Errorf("%s: first %d, want %d", x.name, res.StatusCode, status)
		}
		if status == 104 && (!strings.HasPrefix(res.Header.Get("Location"), "/") ||
			res.Header.Get("Upload-Draft-Interop-Version") != "8" || !strings.Contains(res.Header.Get("Upload-Limit"), "max-age=")) {
			t.Errorf("%s: 104 says %v", x.name, res.Header)
		}
	}
	a := c.hear(t, strings.Fields(x.text)[0])
	if a.StatusCode != x.status {
		t.Errorf("%s: status %d, want %d (%s)", x.name, a.StatusCode, x.status, a.body)
	}
	for _, f := range x.fields {
		name, want, _ := strings.Cut(f, ":")
		got, there := a.Header[http.CanonicalHeaderKey(name)]
		if want = strings.TrimSpace(want); there != (want != "") || want != "*" && there && got[0] != want {
			t.Errorf("%s: %s is %q, want %q", x.name, name, got, want)
		}
	}
	if x.problem != "" && (a.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(string(a.body), `"https://iana.org/assignments/http-problem-types#`+x.problem+`"`)) {
		t.Errorf("%s: %v %s", x.name, a.Header, a.body)
	}
	return a.Header
}

// create is the head of a request that begins an upload.
func create(method, path, complete string, n int, fields ...string) string {
	return ask(method, path, append(fields, "Upload-Complete: "+complete, fmt.Sprint("Content-Length: ", n))...)
}

const aMegabyte = 1 << 20 // what is smaller and whole needs no place to go on

// The requests and answers of draft-ietf-httpbis-resumable-upload, of the texts that have
// the interop version 8 (09 to 11), section by section.
func TestResumableExchanges(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(_ *harness.Config, d harness.Table) { d["file_size_max"] = "3MiB" })
	large := strings.Repeat("x", aMegabyte)

	// 4.2 Upload creation, and 5: 104 goes only to who understands it, and never instead of 100.
	for _, x := range []exchange{
		{name: "whole and small", text: create("PUT", "/1", "?1", 2, interop), body: "ab", status: 201, fields: []string{"Location: /1", "Upload-Complete: ?1"}},
		{name: "whole", text: create("PUT", "/2", "?1", aMegabyte, interop), body: large, interim: []int{104}, status: 201, fields: []string{"Location: /2", "Upload-Complete: ?1", "Upload-Offset: 1048576"}},
		{name: "whole, by who knows no 104", text: create("POST", "/3", "?1", aMegabyte), body: large, status: 201, fields: []string{"Upload-Complete: ?1"}},
		{name: "of another interop version", text: create("POST", "/4", "?1", aMegabyte, "Upload-Draft-Interop-Version: 6"), body: large, status: 201, fields: []string{"Upload-Complete: ?1"}},
		{name: "100 as well", text: create("POST", "/5", "?1", aMegabyte, interop, "Expect: 100-continue"), body: large, interim: []int{104, 100}, status: 201},
		{name: "a part", text: create("POST", "/6", "?0", 2, "Upload-Length: 9"), body: "ab", status: 201, fields: []string{"Location: *", "Upload-Complete: ?0", "Upload-Limit: *"}},
		{name: "with parameters", text: create("POST", "/7", "?0;a=b", 0, "Upload-Length: 9 ;x", "Upload-Draft-Interop-Version: 8;y"), interim: []int{104}, status: 201, fields: []string{"Upload-Length: 9"}},
		{name: "a length that is none", text: create("POST", "/8", "?0", 0, "Upload-Length: -9"), status: 201, fields: []string{"Location: *", "Upload-Length:"}},
		{name: "a length too long to be one", text: create("POST", "/8", "?0", 0, "Upload-Length: 1000000000000000"), status: 201, fields: []string{"Upload-Length:"}},
		{name: "two lengths", text: create("POST", "/8", "?0", 0, "Upload-Length: 1", "Upload-Length: 1"), status: 201, fields: []string{"Upload-Length:"}},
		{name: "completeness that is none", text: create("PUT", "/9", "yes", 0), status: 201, fields: []string{"Location: /9", "Upload-Complete:"}},
		{name: "the same by POST", text: create("POST", "/9", "1", 0), status: 405},
		{name: "longer than it says", text: create("POST", "/x", "?0", 2, "Upload-Length: 1"), body: "ab", status: 400, fields: []string{"Upload-Complete: ?0"}, problem: "inconsistent-upload-length"},
		{name: "two opinions", text: create("PUT", "/x", "?1", 2, "Upload-Length: 3"), body: "ab", status: 400, problem: "inconsistent-upload-length"},
		{name: "larger than the limit", text: create("POST", "/x", "?0", 0, "Upload-Length: 4000000"), status: 413, fields: []string{"Upload-Limit: *"}},
		{name: "not from the beginning", text: create("POST", "/x", "?0", 0, "Upload-Offset: 1"), status: 400},
	} {
		x.hold(t, r)
	}

	// 4.1.4 Limits.
	for _, x := range []exchange{
		{name: "OPTIONS", text: ask("OPTIONS", "/any"), status: 200, fields: []string{"Upload-Limit: min-size=0, max-age=86400, max-size=3145728", "Accept-Patch: application/partial-upload"}},
		{name: "OPTIONS *", text: ask("OPTIONS", "*"), status: 200, fields: []string{"Upload-Limit: *", "Accept-Patch: *"}},
	} {
		x.hold(t, r)
	}

	// 4.3 Offset retrieval, 4.4 append, 4.5 cancellation.
	place := r.begin(t, "/up", 6)
	for _, x := range []exchange{
		{name: "HEAD", text: ask("HEAD", place), status: 204, fields: []string{"Upload-Offset: 0", "Upload-Complete: ?0", "Upload-Length: 6", "Upload-Limit: *", "Cache-Control: no-store"}},
		{name: "GET", text: get(place), status: 204, fields: []string{"Upload-Offset: 0", "Upload-Complete: ?0", "Cache-Control: no-store"}},
		{name: "OPTIONS", text: ask("OPTIONS", place), status: 200, fields: []string{"Allow: HEAD, GET, PATCH, DELETE, OPTIONS", "Accept-Patch: application/partial-upload"}},
		{name: "PUT", text: ask("PUT", place, "Content-Length: 0"), status: 405, fields: []string{"Allow: *"}},
		{name: "a part", text: patch(place, 0, 2, "?0"), body: "ab", status: 204, fields: []string{"Upload-Complete: ?0", "Upload-Offset: 2"}},
		{name: "again", text: patch(place, 0, 2, "?0"), body: "ab", status: 409, fields: []string{"Upload-Complete: ?0", "Upload-Offset: 2"}, problem: "mismatching-upload-offset"},
		{name: "too far on", text: patch(place, 3, 1, "?0"), body: "d", status: 409, fields: []string{"Upload-Complete: ?0", "Upload-Offset: 2"}, problem: "mismatching-upload-offset"},
		{name: "too long", text: patch(place, 2, 9, "?0"), body: "123456789", status: 400, problem: "inconsistent-upload-length"},
		{name: "no type", text: ask("PATCH", place, "Upload-Offset: 2", "Upload-Complete: ?0", "Content-Length: 0"), status: 415, fields: []string{"Accept-Patch: application/partial-upload"}},
		{name: "no offset", text: ask("PATCH", place, "Content-Type: application/partial-upload", "Upload-Complete: ?0", "Content-Length: 0"), status: 400},
		{name: "an offset that is none", text: ask("PATCH", place, "Content-Type: application/partial-upload", "Upload-Offset: 2.0", "Upload-Complete: ?0", "Content-Length: 0"), status: 400},
		{name: "completeness that is none", text: patch(place, 2, 0, "0"), status: 400},
		{name: "a type with a parameter", text: ask("PATCH", place, "Content-Type: Application/Partial-Upload; a=b", "Upload-Offset: 2", "Upload-Complete: ?0", "Content-Length: 1"), body: "c", status: 204},
		{name: "too early an end", text: patch(place, 3, 0, "?1"), status: 400, problem: "inconsistent-upload-length"},
		{name: "the rest", text: patch(place, 3, 3, "?1"), body: "def", status: 201, fields: []string{"Upload-Complete: ?1", "Location: /up"}},
		{name: "HEAD afterwards", text: ask("HEAD", place), status: 204, fields: []string{"Upload-Offset: 6", "Upload-Complete: ?1", "Upload-Length: 6"}},
		{name: "more afterwards", text: patch(place, 6, 1, "?1"), body: "g", status: 400, fields: []string{"Upload-Complete: ?0"}, problem: "inconsistent-upload-length"},
		{name: "once more", text: patch(place, 6, 0, "?1"), status: 400, fields: []string{"Upload-Complete: ?0"}, problem: "completed-upload"},
	} {
		x.hold(t, r)
	}
	r.fetch(t, "/up").want(t, 200, []byte("abcdef"))

	// What is refused when all of it is here is the file: to go on would not help.
	place = r.begin(t, "/refused", 1, "Repr-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:")
	for _, x := range []exchange{
		{name: "a wrong digest", text: patch(place, 0, 1, "?1"), body: "x", status: 400, fields: []string{"Upload-Complete: ?1"}},
		{name: "its place", text: ask("HEAD", place), status: 404},
	} {
		x.hold(t, r)
	}
	place = r.begin(t, "/cancelled", 1)
	for _, x := range []exchange{
		{name: "DELETE", text: ask("DELETE", place), status: 204},
		{name: "DELETE again", text: ask("DELETE", place), status: 404},
		{name: "PATCH after DELETE", text: patch(place, 0, 1, "?1"), body: "x", status: 404},
	} {
		x.hold(t, r)
	}
}
