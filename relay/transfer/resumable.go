package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Resumable uploads are draft-ietf-httpbis-resumable-upload in interop version 8. We
// begin one without content, append what there is, and complete it by a request of its
// own: by then the file has been looked at again, and its digest is known.

const interopVersion = "8"

var errUploadGone = errors.New("the server does not know the upload any more")

func uploadFields(fields ...field) []field {
	return append(fields, field{"Upload-Draft-Interop-Version", interopVersion})
}

const (
	incomplete = "?0"
	complete   = "?1"
)

// errNoUploads is what a server means that knows nothing of them.
var errNoUploads = errors.New("the server takes no resumable uploads")

// create begins an upload of a file that will be at to; length is -1 if it is not known.
// It is a POST: a server that knows nothing of uploads would take a PUT for an empty file.
// Which digest will complete it is said here, so that the server computes it while the
// content comes.
func (c *caller) create(to Place, length int64, fields ...field) (at Place, err error) {
	fields = uploadFields(append(fields, field{"Upload-Complete", incomplete})...)
	if c.run.Digest != NoSum {
		fields = append(fields, field{"Want-Repr-Digest", c.run.Digest.String() + "=1"})
	}
	if length >= 0 {
		fields = append(fields, field{"Upload-Length", strconv.FormatInt(length, 10)})
	}
	err = c.once("POST", to, &body{}, func(res *http.Response) error {
		switch res.StatusCode {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return final(errors.Join(errNoUploads, badStatus(to, res)))
		}
		if res.StatusCode != http.StatusCreated || res.Header.Get("Location") == "" {
			return badStatus(to, res)
		}
		at, err = to.elsewhere(res.Header.Get("Location"))
		return err
	}, fields...)
	return at, err
}

// elsewhere is a place on the same server, named by a Location.
func (p Place) elsewhere(location string) (Place, error) {
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "" && u.Host != p.host && u.Host+":"+httpPort != p.host {
		return Place{}, final(fmt.Errorf("%s: the server sends the upload to %q", p, location))
	}
	p.path = u.EscapedPath()
	if u.RawQuery != "" {
		p.path += "?" + u.RawQuery
	}
	return p, nil
}

// offset asks how much of an upload the server has for sure, and whether it is complete.
func (c *caller) offset(at Place) (offset int64, whole bool, err error) {
	err = c.once("HEAD", at, nil, func(res *http.Response) error {
		switch res.StatusCode {
		case http.StatusOK, http.StatusNoContent:
		case http.StatusNotFound, http.StatusGone:
			return errUploadGone
		default:
			return badStatus(at, res)
		}
		whole = res.Header.Get("Upload-Complete") == complete
		offset, err = strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
		if (err != nil || offset < 0) && !whole {
			return final(fmt.Errorf("%s: the server does not say how much it has", at))
		}
		return nil
	}, uploadFields()...)
	return offset, whole, err
}

// appendTo sends content that follows offset.
func (c *caller) appendTo(at Place, offset int64, b *body) error {
	return c.once("PATCH", at, b, func(res *http.Response) error { return appended(at, res) },
		uploadFields(field{"Upload-Offset", strconv.FormatInt(offset, 10)}, field{"Upload-Complete", incomplete},
			field{"Content-Type", "application/partial-upload"})...)
}

// finishAt completes an upload of so many bytes; the server publishes the file if it is
// the one that the fields describe.
func (c *caller) finishAt(at Place, length int64, fields ...field) error {
	return c.once("PATCH", at, &body{}, func(res *http.Response) error { return appended(at, res) },
		uploadFields(append(fields, field{"Upload-Offset", strconv.FormatInt(length, 10)}, field{"Upload-Complete", complete},
			field{"Content-Type", "application/partial-upload"})...)...)
}

func appended(at Place, res *http.Response) error {
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return errUploadGone
	}
	return taken(at, res)
}

// cancel has the server forget an upload, and reports that it was heard. Whether it does is
// its own affair: uploads that nobody goes on with expire.
func (c *caller) cancel(at Place) (heard bool) {
	return c.once("DELETE", at, nil, func(*http.Response) error { return nil }, uploadFields()...) == nil
}
