package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// route is one thing that can be asked for.
type route struct {
	pattern string // of http.ServeMux
	serve   http.HandlerFunc
}

// table is every route; openapi.json describes those under /api.
func (s *Server) table() []route {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{s.relay})
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return []route{
		{"GET /{$}", s.page},
		{"GET /page.css", asset("page.css")},
		{"GET /page.js", asset("page.js")},
		{"GET /metrics", metrics.ServeHTTP},
		{"GET /healthz", s.healthz},
		{"GET /readyz", s.readyz},
		{"GET /api/v1/openapi.json", asset("openapi.json")},
		{"GET /api/v1/state", s.state},
		{"GET /api/v1/status", s.status},
		{"GET /api/v1/listeners", s.listeners},
		{"GET /api/v1/upstreams", s.upstreams},
		{"GET /api/v1/drops", s.drops},
		{"GET /api/v1/sessions", s.sessions},
		{"GET /api/v1/transfers", s.transfers},
		{"DELETE /api/v1/sessions/{id}", s.reset},
		{"GET /api/v1/queue", s.queue},
		{"POST /api/v1/drops/{drop}/queue/retry", s.forward(false)},
		{"POST /api/v1/drops/{drop}/queue/drop", s.forward(true)},
		{"POST /api/v1/upstreams/{upstream}/backends/{backend}/drain", s.drain(true)},
		{"POST /api/v1/upstreams/{upstream}/backends/{backend}/enable", s.drain(false)},
		{"PUT /api/v1/upstreams/{upstream}/backends/{backend}/weight", s.weight},
		{"PUT /api/v1/log/level", s.logLevel},
		{"POST /api/v1/reload", s.reload},
		{"POST /api/v1/upgrade", s.upgrade},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		mux.HandleFunc(r.pattern, r.serve)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing here; /api/v1/openapi.json says what there is")
	})
	return mux
}

// problem is the body of every refusal.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, code int, text string) { answer(w, code, problem{text}) }

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v) // a client that left is told nothing
}

// done answers an action that has nothing to tell.
func done(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// readyz says whether to send clients here.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if state := s.relay.State().State; state != "serving" {
		plain(w, http.StatusServiceUnavailable, state+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text))
}

func (s *Server) state(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.relay.State())
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.relay.State().Status)
}

func (s *Server) listeners(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.relay.State().Listeners)
}

func (s *Server) upstreams(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.relay.State().Upstreams)
}

func (s *Server) drops(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.relay.State().Drops)
}

func (s *Server) drain(drained bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.relay.Drain(r.PathValue("upstream"), r.PathValue("backend"), drained) {
			refuse(w, http.StatusNotFound, noBackend)
			return
		}
		done(w)
	}
}

const (
	noBackend = "there is no such backend; /api/v1/upstreams lists them"
	bodyMost  = 4 << 10 // bytes of a request
)

// body reads a small JSON object and refuses what is not one.
func body(w http.ResponseWriter, r *http.Request, into any, want string) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMost))
	d.DisallowUnknownFields()
	if d.Decode(into) != nil {
		refuse(w, http.StatusBadRequest, "the body must be JSON like "+want)
		return false
	}
	return true
}

// weightMost is the schema's.
const weightMost = 256

func (s *Server) weight(w http.ResponseWriter, r *http.Request) {
	const want = `{"weight": 1}, from 0 to 256, or {"weight": null} for the configured one`
	b := struct {
		Weight *int `json:"weight"`
	}{}
	if !body(w, r, &b, want) {
		return
	}
	weight := -1
	if b.Weight != nil {
		weight = *b.Weight
		if weight < 0 || weight > weightMost {
			refuse(w, http.StatusBadRequest, "the body must be JSON like "+want)
			return
		}
	}
	if !s.relay.Weight(r.PathValue("upstream"), r.PathValue("backend"), weight) {
		refuse(w, http.StatusNotFound, noBackend)
		return
	}
	done(w)
}

// logLevels are the schema's.
var logLevels = []string{"debug", "info", "warn", "error"}

func (s *Server) logLevel(w http.ResponseWriter, r *http.Request) {
	const want = `{"level": "info"}, one of debug, info, warn and error`
	b := struct {
		Level string `json:"level"`
	}{}
	if !body(w, r, &b, want) {
		return
	}
	if !slices.Contains(logLevels, b.Level) {
		refuse(w, http.StatusBadRequest, "the body must be JSON like "+want)
		return
	}
	s.relay.Log(b.Level)
	done(w)
}

func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	r := s.relay.Reload()
	code := http.StatusOK
	if !r.OK {
		code = http.StatusUnprocessableEntity
	}
	answer(w, code, r)
}

func (s *Server) upgrade(w http.ResponseWriter, _ *http.Request) {
	u := s.relay.Upgrade()
	code := http.StatusOK
	if !u.OK {
		code = http.StatusUnprocessableEntity
	}
	answer(w, code, u)
}

func (s *Server) reset(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 36, 64)
	if err != nil || !s.relay.Reset(id) {
		refuse(w, http.StatusNotFound, "there is no such session (any more); /api/v1/sessions lists them")
		return
	}
	done(w)
}
