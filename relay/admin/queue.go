package admin

import "net/http"

// The queue is what the forwards of all drops have still to send.

func (s *Server) queue(w http.ResponseWriter, _ *http.Request) {
	all := s.relay.Queue()
	if all == nil {
		all = []Queued{}
	}
	answer(w, http.StatusOK, all)
}

// Ordered is how many files an order concerned.
type Ordered struct {
	Files int `json:"files"`
}

// forward has a file tried again, or dropped from the queue.
func (s *Server) forward(remove bool) http.HandlerFunc {
	want := `{"path": "sub/name"}, or {"path": ""} for all`
	if remove {
		want = `{"path": "sub/name"}`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		b := struct {
			Path string `json:"path"`
		}{}
		if !body(w, r, &b, want) {
			return
		}
		if remove && b.Path == "" {
			refuse(w, http.StatusBadRequest, "the body must be JSON like "+want)
			return
		}
		n, known, err := s.relay.Forward(r.PathValue("drop"), b.Path, remove)
		switch {
		case !known:
			refuse(w, http.StatusNotFound, "there is no such drop, or it forwards nothing; /api/v1/drops lists them")
		case err != nil:
			refuse(w, http.StatusServiceUnavailable, err.Error())
		case n == 0 && b.Path != "":
			refuse(w, http.StatusNotFound, "there is no such file in the queue; relay queue list (/api/v1/queue) lists them")
		default:
			answer(w, http.StatusOK, Ordered{n})
		}
	}
}
