package drop

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A directory is listed as a page for people, and as JSON for programs that ask for it
// ("Accept: application/json"), `relay get` among them:
//
//	{"entries":[
//	{"href":"sub/","kind":"directory","modified":"2024-05-06T07:08:09.5Z","mode":"0755"},
//	{"href":"a%20b","kind":"file","size":3,"modified":"2024-05-06T07:08:09.123456789Z","mode":"0644"}
//	],"more":false}
//
// A name is told as a reference, relative to the directory: names are bytes and need not
// be UTF-8. "more" says that there are names beyond those listed.

// listingForm is how a directory is listed.
type listingForm struct {
	contentType string
	write       func(w *pageWriter, drop string, n name, list []entry, more bool)
}

var (
	asPage = &listingForm{"text/html; charset=utf-8", (*pageWriter).page}
	asJSON = &listingForm{"application/json", (*pageWriter).json}
)

// formOf is what the client can read. Whoever takes HTML, too, is a browser.
func formOf(h http.Header) *listingForm {
	accept := strings.ToLower(strings.Join(h["Accept"], ","))
	if strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		return asJSON
	}
	return asPage
}

func (w *pageWriter) json(_ string, _ name, list []entry, more bool) {
	w.text("{\"entries\":[")
	for i, e := range list {
		if i > 0 {
			w.text(",")
		}
		w.text("\n{\"href\":\"", escape(e.name))
		if e.dir {
			w.text("/\",\"kind\":\"directory\"")
		} else {
			w.text("\",\"kind\":\"file\",\"size\":", itoa(e.size))
		}
		at := time.Unix(e.mtime, e.nsec).UTC()
		w.text(",\"modified\":\"", at.Format(time.RFC3339Nano), "\",\"mode\":\"", showMode(e.mode), "\"}")
	}
	w.text("\n],\"more\":", strconv.FormatBool(more), "}\n")
}

// showMode writes permissions as chmod(1) reads them: "0644".
func showMode(mode uint32) string {
	const permissions = 0o777 // whatever else a mode may hold is not passed on
	return "0" + strconv.FormatUint(uint64(mode&permissions)|0o1000, 8)[1:]
}
