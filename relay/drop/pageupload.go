package drop

import _ "embed"

// script sends files from the page. As with the style, the policy names it by its digest;
// it stands on pages only whose reader may put files there.
//
//go:embed page.js
var script string

// guardUpload is pageGuard for a page with the script, which may talk to this drop only.
var guardUpload = guardOf("; script-src 'sha256-" + digestOf(script) + "'; connect-src 'self'")

// upload writes what files are picked by, or dropped onto.
func (w *pageWriter) upload() {
	w.text("<section><label><input id=\"f\" type=\"file\" multiple><span>Choose files</span></label> to put here, or drop them onto the page.",
		"<ul id=\"u\" aria-live=\"polite\"></ul></section>\n")
}

// uploadScript ends the page: it needs the elements above it.
func (w *pageWriter) uploadScript() { w.text("<script>", script, "</script>\n") }
