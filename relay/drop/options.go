package drop

import (
	"strings"
	"time"
)

// allowAtUpload names the methods of the place of a resumable upload.
const allowAtUpload = "Allow: HEAD, GET, PATCH, DELETE, OPTIONS\r\n"

// options tells what can be done here. Whoever asks need not show a token yet: some
// clients ask for this first of all.
func (c *Conn) options(path string) {
	b := c.start(statusOK)
	if strings.HasPrefix(path, uploadsPath) && c.drop.limits.Write {
		b = append(b, allowAtUpload+acceptPatch...)
	} else {
		b = append(append(b, c.drop.allow()...), "DAV: 1\r\n"...)
		if c.drop.limits.Write {
			b = append(append(b, c.drop.uploadLimits()...), acceptPatch+acceptPost...)
		}
	}
	b = append(b, "Content-Length: 0\r\n\r\n"...)
	c.respond(b, len(b), 0)
}

// allow names the methods of a place in the drop. What else there may be against one
// depends on the token and on what is there.
func (d *Drop) allow() string {
	if d.limits.Write {
		return "Allow: GET, HEAD, OPTIONS, PROPFIND, PUT, POST, MKCOL, DELETE, MOVE, COPY\r\n"
	}
	return "Allow: GET, HEAD, OPTIONS, PROPFIND\r\n"
}

// uploadLimits is what OPTIONS tells of resumable uploads, before one begins: any file may be one.
func (d *Drop) uploadLimits() string {
	limit := "Upload-Limit: min-size=0, max-age=" + itoa(int64(d.limits.UploadExpiry/time.Second))
	if most := d.limits.FileSizeMax; most > 0 {
		limit += ", max-size=" + itoa(most)
	}
	return limit + "\r\n"
}
