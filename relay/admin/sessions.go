package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// page is a part of a list.
type listPage[T any] struct {
	Total int `json:"total"` // that match
	From  int `json:"from"`
	Items []T `json:"items"`
}

// sessionOrders are the values of `sort`; each puts the largest first.
var sessionOrders = map[string]func(a, b *Session) int{
	"rate":  func(a, b *Session) int { return cmp.Compare(b.Rate, a.Rate) },
	"bytes": func(a, b *Session) int { return cmp.Compare(b.Bytes.Up+b.Bytes.Down, a.Bytes.Up+a.Bytes.Down) },
	"age":   func(a, b *Session) int { return cmp.Compare(b.Age, a.Age) },
	"idle":  func(a, b *Session) int { return cmp.Compare(b.Idle, a.Idle) },
}

// sessions lists those that match, in an order, by the page.
func (s *Server) sessions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	order, ok := sessionOrders[cmp.Or(q.Get("sort"), "rate")]
	if !ok {
		refuse(w, http.StatusBadRequest, "sort is one of rate, bytes, age and idle")
		return
	}
	from, limit, ok := pageOf(w, q)
	if !ok {
		return
	}
	all := s.rates.of(s.relay.Sessions())
	all = slices.DeleteFunc(all, func(one Session) bool { return !matches(&one, q) })
	slices.SortFunc(all, func(a, b Session) int { return cmp.Or(order(&a, &b), strings.Compare(a.ID, b.ID)) })
	answer(w, http.StatusOK, cut(all, from, limit))
}

// transfers lists the connections to drops that have a request under way.
func (s *Server) transfers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, limit, ok := pageOf(w, q)
	if !ok {
		return
	}
	all := slices.DeleteFunc(s.relay.Transfers(), func(one Transfer) bool {
		return !holds(one.Drop, q.Get("drop")) || !strings.HasPrefix(one.Client, q.Get("client"))
	})
	slices.SortFunc(all, func(a, b Transfer) int {
		return cmp.Or(cmp.Compare(b.Size-b.Sent, a.Size-a.Sent), strings.Compare(a.ID, b.ID))
	})
	answer(w, http.StatusOK, cut(all, from, limit))
}

// matches applies the filters of a query; an absent one matches everything.
func matches(s *Session, q url.Values) bool {
	return holds(s.Listener, q.Get("listener")) && holds(s.Upstream, q.Get("upstream")) &&
		holds(s.Backend, q.Get("backend")) && holds(s.State, q.Get("state")) &&
		strings.HasPrefix(s.Client, q.Get("client"))
}

func holds(value, want string) bool { return want == "" || value == want }

const (
	limitUsual = 100
	limitMost  = 1000
)

// pageOf reads from and limit.
func pageOf(w http.ResponseWriter, q url.Values) (from, limit int, ok bool) {
	from, err1 := strconv.Atoi(cmp.Or(q.Get("from"), "0"))
	limit, err2 := strconv.Atoi(cmp.Or(q.Get("limit"), strconv.Itoa(limitUsual)))
	if err1 != nil || err2 != nil || from < 0 || limit < 1 || limit > limitMost {
		refuse(w, http.StatusBadRequest, "from is a number from 0, and limit one from 1 to 1000")
		return 0, 0, false
	}
	return from, limit, true
}

func cut[T any](all []T, from, limit int) listPage[T] {
	p := listPage[T]{Total: len(all), From: from, Items: []T{}}
	if from < len(all) {
		p.Items = all[from:min(from+limit, len(all))]
	}
	return p
}

// rates finds how fast sessions are, from what they had moved when last listed.
type rates struct {
	mu     sync.Mutex
	at     time.Time
	before map[string]uint64
	rate   map[string]float64
}

const (
	// sampleLeast is the shortest time over which a rate is taken.
	sampleLeast = 500 * time.Millisecond
	// sampleMost is the longest; past it nobody has been watching, and the mean over a
	// session's life has to do.
	sampleMost = 15 * time.Second
)

// of fills in the rates.
func (rs *rates) of(all []Session) []Session {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := time.Now()
	passed := now.Sub(rs.at)
	if passed > sampleMost {
		rs.before, rs.rate = nil, nil
	}
	fresh := passed >= sampleLeast
	next := make(map[string]uint64, len(all))
	rate := make(map[string]float64, len(all))
	for i := range all {
		s := &all[i]
		total := s.Bytes.Up + s.Bytes.Down
		before, known := rs.before[s.ID]
		switch {
		case !fresh && rs.rate != nil:
			s.Rate = rs.rate[s.ID]
		case known:
			s.Rate = float64(total-min(before, total)) / passed.Seconds()
		default:
			s.Rate = float64(total) / max(s.Age, sampleLeast.Seconds())
		}
		next[s.ID], rate[s.ID] = total, s.Rate
	}
	if fresh {
		rs.at, rs.before, rs.rate = now, next, rate
	}
	return all
}
