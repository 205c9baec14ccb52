package admin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed page openapi.json
var files embed.FS

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
}

// asset serves an embedded file.
func asset(name string) http.HandlerFunc {
	at := "page/" + name
	if name == "openapi.json" {
		at = name
	}
	text, err := files.ReadFile(at)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
	}
}

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"bytes": func(n uint64) string { return Size(float64(n)) },
	"list":  func(all []string) string { return strings.Join(all, ", ") },
	"count": func(n uint64) string { return strconv.FormatUint(n, 10) },
}).ParseFS(files, "page/page.html"))

// page is the status page, as a table that is whole without its script.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, s.relay.State()); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text.Bytes())
}

// Size is a number of bytes in the words of people, in powers of 1000.
func Size(n float64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return strconv.FormatFloat(n, 'f', 0, 64) + " B"
	}
	i := -1
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	digits := 1
	if n >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(n, 'f', digits, 64) + " " + units[i:i+1] + "B"
}
