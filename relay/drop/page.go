package drop

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// style is the page's own; the policy names it by its digest, so that nothing else that
// might get onto the page has any effect.
//
//go:embed page.css
var style string

var pageGuard = guardOf("")

// guardOf is the policy of a page, with what it allows beside its style.
func guardOf(more string) string {
	return "X-Content-Type-Options: nosniff\r\n" +
		"Content-Security-Policy: default-src 'none'; style-src 'sha256-" + digestOf(style) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'" + more + "\r\n"
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pageWriter writes a page to a descriptor, in large pieces. The first error stays.
type pageWriter struct {
	fd      int
	takes   bool // the reader may put files there
	buf     []byte
	written int64
	listed  *atomic.Int64 // of all such files
	errno   sock.Errno
}

const pagePiece = 64 << 10

func (w *pageWriter) text(parts ...string) {
	for _, s := range parts {
		w.buf = append(w.buf, s...)
	}
	if len(w.buf) >= pagePiece {
		w.flush()
	}
}

func (w *pageWriter) flush() {
	for len(w.buf) > 0 && w.errno == 0 {
		if w.errno = w.fits(); w.errno != 0 {
			break
		}
		n, err := unix.Write(w.fd, w.buf)
		if err != nil && err != unix.EINTR {
			w.errno, _ = err.(sock.Errno)
			break
		}
		n = max(n, 0)
		w.written += int64(n)
		w.listed.Add(int64(n))
		w.buf = w.buf[n:]
	}
	w.buf = w.buf[:0]
}

// fits keeps to the allowance, by a piece for each worker.
func (w *pageWriter) fits() sock.Errno {
	switch more := int64(len(w.buf)); {
	case w.written+more > listedMost:
		return unix.EFBIG
	case w.listed.Load()+more > listedMost:
		return unix.ENOBUFS
	}
	return 0
}

// page writes the listing of a directory. It is plain HTML, so that it can be read by
// programs too: one <a href> for each name, relative and escaped, a folder's with '/' at
// its end; what leads upwards is relative as well, and no path of ours appears in it.
func (w *pageWriter) page(drop string, n name, list []entry, more bool) {
	title := drop
	if n.path != "." {
		title = n.path + " · " + drop
	}
	w.text("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n",
		"<title>", show(title), "</title>\n<style>", style, "</style>\n</head>\n<body>\n<main>\n")
	w.crumbs(drop, n)
	if w.takes {
		w.upload()
	}
	w.text("<table>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Size</th>",
		"<th scope=\"col\">Modified (UTC)</th></tr></thead>\n<tbody>\n")
	if n.path != "." {
		w.text("<tr><td><a class=\"d\" href=\"../\">..</a></td><td></td><td></td></tr>\n")
	}
	for _, e := range list {
		w.row(e)
	}
	w.text("</tbody>\n</table>\n")
	w.summary(list, more)
	w.text("</main>\n")
	if w.takes {
		w.uploadScript()
	}
	w.text("</body>\n</html>\n")
}

// crumbs writes the way from the drop to this directory.
func (w *pageWriter) crumbs(drop string, n name) {
	w.text("<h1>")
	if n.path == "." {
		w.text(show(drop), "</h1>\n")
		return
	}
	parts := strings.Split(n.path, "/")
	w.text("<a href=\"", strings.Repeat("../", len(parts)), "\">", show(drop), "</a>")
	for i, part := range parts {
		w.text("<i>/</i>")
		if up := len(parts) - 1 - i; up > 0 {
			w.text("<a href=\"", strings.Repeat("../", up), "\">", show(part), "</a>")
		} else {
			w.text("<span>", show(part), "</span>")
		}
	}
	w.text("</h1>\n")
}

func (w *pageWriter) row(e entry) {
	if e.dir {
		w.text("<tr><td><a class=\"d\" href=\"", escape(e.name), "/\">", show(e.name), "/</a></td><td>")
	} else {
		w.text("<tr><td><a href=\"", escape(e.name), "\">", show(e.name), "</a></td><td title=\"",
			itoa(e.size), " bytes\">", showSize(e.size))
	}
	at := time.Unix(e.mtime, 0).UTC()
	w.text("</td><td><time datetime=\"", at.Format(time.RFC3339), "\">", at.Format("2006-01-02 15:04"), "</time></td></tr>\n")
}

func (w *pageWriter) summary(list []entry, more bool) {
	var folders, files, bytes int64
	for _, e := range list {
		if e.dir {
			folders++
		} else {
			files++
			bytes += e.size
		}
	}
	var parts []string
	if folders > 0 {
		parts = append(parts, count(folders, "folder"))
	}
	if files > 0 {
		parts = append(parts, count(files, "file"), showSize(bytes))
	}
	if parts == nil {
		parts = append(parts, "There is nothing here yet.")
	}
	w.text("<p>", strings.Join(parts, ", "), "</p>\n")
	if more {
		w.text("<p>There are more: only ", itoa(int64(len(list))), " names are listed here.</p>\n")
	}
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return itoa(n) + " " + what + "s"
}

// show makes any name readable in HTML: what is no UTF-8 becomes a replacement
// character, and what would not be seen (or would turn the text around) becomes visible.
func show(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r < ' ':
			return r + 0x2400 // the pictures of control characters
		case r == 0x7f:
			return 0x2421
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r):
			return utf8.RuneError
		}
		return r
	}, s)
	return html.EscapeString(clean)
}

// showSize is a size for people: "512 B", "1.4 MiB".
func showSize(n int64) string {
	if n < 1024 {
		return itoa(n) + " B"
	}
	units := "KMGTPE"
	tenths := n * 10 / 1024
	if n > 1<<59 {
		tenths = n / 1024 * 10
	}
	for tenths >= 10240 && len(units) > 1 {
		tenths, units = tenths/1024, units[1:]
	}
	if tenths >= 1000 {
		return itoa(tenths/10) + " " + units[:1] + "iB"
	}
	return itoa(tenths/10) + "." + itoa(tenths%10) + " " + units[:1] + "iB"
}
