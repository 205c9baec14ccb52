package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// HeaderName must be there in a request that changes something. A form cannot send it,
// and a script of a foreign page would have to ask first (CORS), which nobody answers.
const HeaderName = "X-Relay"

// guard lets through what is allowed, see doc.go.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setPolicy(w.Header())
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		switch {
		case !s.hostKnown(r.Host):
			refuse(w, http.StatusForbidden, "this Host is not an address of this machine; call it by its IP address or as localhost")
		case changes && r.Header.Get(HeaderName) == "":
			refuse(w, http.StatusForbidden, "a request that changes something needs the header "+HeaderName+": 1")
		case s.needsToken(r, changes) && !s.hasToken(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="relay"`)
			refuse(w, http.StatusUnauthorized, "this needs the token: send Authorization: Bearer followed by what is in "+s.config.TokenFile)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// contentPolicy allows the page its own two files and nothing from elsewhere.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func setPolicy(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// needsToken: the probes of an orchestrator tell nothing worth guarding.
func (s *Server) needsToken(r *http.Request, changes bool) bool {
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return false
	}
	return s.config.Public() || changes && s.config.Guarded()
}

// hasToken compares digests, so that neither content nor length of the token shows in
// how long it takes. The page's first request comes from an address bar, which can only
// send it as a password.
func (s *Server) hasToken(r *http.Request) bool {
	got, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, got, _ = r.BasicAuth()
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(s.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// hostKnown accepts addresses, localhost and the machine's own name: a foreign name that
// resolves to this machine is how a foreign page reaches it (DNS rebinding). On a unix
// socket nothing is resolved.
func (s *Server) hostKnown(host string) bool {
	if s.config.Listen.IsUnix() {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	own, err := os.Hostname()
	return err == nil && s.config.Public() && strings.EqualFold(host, own)
}
