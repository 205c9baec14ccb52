package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// fetch is one file to fetch.
type fetch struct {
	from  Place
	root  *os.Root
	name  string // where to, relative to the root
	shown string // the same for people
	size  int64  // 0 = not known; what the answer says counts

	part   *partial // open between the request and its answer, if something of it may be there
	offset int64    // that was asked for
	etag   string   // of the version that the part is of
	moved  int64    // bytes counted in the progress
	attempts
}

func (f *fetch) event(k Kind) Event {
	return Event{Kind: k, Path: f.shown, URL: f.from.String(), Size: Size(f.size)}
}

// release forgets what of a file this connection knew.
func (f *fetch) release(r *Run) {
	r.BytesDone.Add(-f.moved)
	f.moved = 0
	if f.part != nil {
		f.part.keep()
		f.part = nil
	}
}

// request asks for the file, or for what of it is missing.
func (l *getLane) request(f *fetch) error {
	f.offset, f.etag = 0, ""
	fields := []field{{"X-Relay-Want", "attributes"}, {"Want-Repr-Digest", wantSums(l.run.Digest)}}
	if f.size >= resumeLeast {
		p, err := openPartial(f.root, f.name)
		if err != nil {
			return err
		}
		f.part = p
		offset, of := p.resumes(f.from.String())
		if offset > 0 && offset == of.Size {
			offset-- // an empty range cannot be asked for, and the answer says what is known of the file
		}
		if offset > 0 {
			f.offset, f.etag = offset, of.ETag
			fields = append(fields, field{"Range", "bytes=" + strconv.FormatInt(offset, 10) + "-"}, field{"If-Range", of.ETag})
		}
	}
	l.wire.ask("GET", f.from, l.run.Token, fields...)
	return nil
}

// answer takes the answer to a request, up to the file's last byte. usable says that the
// connection can go on.
func (l *getLane) answer(f *fetch, res *http.Response) (done *landed, usable bool, err error) {
	switch {
	case res.StatusCode == http.StatusOK:
		f.offset = 0
	case res.StatusCode == http.StatusPartialContent && f.offset > 0:
		if err := checkRange(f, res); err != nil {
			return nil, false, err
		}
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable && f.part != nil:
		err := f.part.forget()
		return nil, goesOn(res), errors.Join(errors.New("the file is another now"), err)
	default:
		err := badStatus(f.from, res)
		return nil, goesOn(res), err
	}
	if err := f.from.endless(res); err != nil {
		return nil, false, err
	}
	if f.part == nil {
		if f.part, err = openPartial(f.root, f.name); err != nil {
			return nil, false, err
		}
	}
	return l.land(f, res)
}

// endless is the error that an answer is whose end nobody can tell from a broken connection.
func (p Place) endless(res *http.Response) error {
	if res.ContentLength < 0 && len(res.TransferEncoding) == 0 {
		return final(fmt.Errorf("%s: the server does not say how long it is, so that nobody can tell whether all of it came", p))
	}
	return nil
}

// checkRange makes sure that an answer continues the part.
func checkRange(f *fetch, res *http.Response) error {
	if err := f.continuedBy(res); err != nil {
		return errors.Join(err, f.part.forget())
	}
	return nil
}

// continuedBy makes sure that an answer goes on with what came, with the same version of the
// file.
func (f *fetch) continuedBy(res *http.Response) error {
	from, rest, ok := strings.Cut(strings.TrimPrefix(res.Header.Get("Content-Range"), "bytes "), "-")
	_, size, whole := strings.Cut(rest, "/")
	total, err := strconv.ParseInt(size, 10, 64)
	if !ok || !whole || err != nil || from != strconv.FormatInt(f.offset, 10) || total != f.offset+res.ContentLength ||
		res.Header.Get("ETag") != f.etag {
		return fmt.Errorf("%s: the answer does not continue what is here: Content-Range %q, ETag %q",
			f.from, res.Header.Get("Content-Range"), res.Header.Get("ETag"))
	}
	return nil
}

// attributesOf reads what an answer says of the file.
func attributesOf(h http.Header) (a attributes) {
	if t, ok := parseSeconds(h.Get("X-OC-Mtime")); ok {
		a.modified = t
	} else if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		a.modified = t
	}
	a.mode, a.hasMode = parseMode(h.Get("X-Relay-Mode"))
	return a
}

const permissions = 0o777

func parseMode(s string) (os.FileMode, bool) {
	mode, err := strconv.ParseUint(s, 8, 16)
	return os.FileMode(mode & permissions), err == nil
}

// parseSeconds reads seconds since 1970 with up to nine decimals.
func parseSeconds(s string) (time.Time, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(decimals) > 9 {
		return time.Time{}, false
	}
	nsec, err := strconv.ParseUint(decimals+strings.Repeat("0", 9-len(decimals)), 10, 32)
	if err != nil {
		return time.Time{}, false
	}
	if strings.HasPrefix(s, "-") {
		return time.Unix(sec, -int64(nsec)), true
	}
	return time.Unix(sec, int64(nsec)), true
}

// formatSeconds writes a time as X-OC-Mtime has it.
func formatSeconds(t time.Time) string {
	sec, nsec := t.Unix(), int64(t.Nanosecond())
	sign := ""
	if sec < 0 && nsec > 0 {
		if sec, nsec = sec+1, int64(time.Second)-nsec; sec == 0 {
			sign = "-"
		}
	}
	return fmt.Sprintf("%s%d.%09d", sign, sec, nsec)
}
