package relay

import (
	"net/netip"
	"strconv"
	"time"

	"relay/relay/admin"
	"relay/relay/drop"
	"relay/relay/loop"
	"relay/relay/proxy"
	"relay/relay/upstream"
)

func observeUpstream(u *upstream.Upstream) admin.Upstream {
	view := admin.Upstream{Name: u.Name, Balance: u.Config().Balance.String(), Queued: u.Queued(), Backends: []admin.Backend{}}
	for _, b := range u.Backends() {
		v := b.View()
		one := admin.Backend{
			Address: v.Name, State: v.State, Why: v.Why, Weight: v.Weight, Backup: v.Backup,
			Sessions: v.Sessions, SessionsMax: v.Limit, Total: v.Total, Failed: v.Failed,
		}
		if !v.Since.IsZero() {
			one.Since = &v.Since
		}
		view.Backends = append(view.Backends, one)
	}
	return view
}

// listSessions asks every loop for its sessions, a part at a time.
func (s *Server) listSessions() []admin.Session {
	var views []proxy.View
	seen := map[uint64]bool{} // one that moves to another loop meanwhile may come twice
	for _, w := range s.workers {
		for from := 0; ; {
			part, next, ok := sessionsOf(w, from)
			for _, v := range part {
				if !seen[v.ID] {
					seen[v.ID] = true
					views = append(views, v)
				}
			}
			if !ok || next == 0 {
				break
			}
			from = next
		}
	}
	now := loop.Clock()
	all := make([]admin.Session, len(views))
	for i, v := range views {
		all[i] = admin.Session{
			ID: strconv.FormatUint(v.ID, 36), Listener: v.Listener, Client: clientName(v.Client, v.Unix),
			Upstream: v.Upstream, Backend: v.Backend, State: v.State,
			Bytes: admin.Bytes{Up: v.Bytes[0], Down: v.Bytes[1]},
			Age:   seconds(now - v.Accepted), Idle: seconds(now - max(v.Active, v.Accepted)),
		}
	}
	return all
}

func sessionsOf(w *worker, from int) (part []proxy.View, next int, ok bool) {
	type answer struct {
		part []proxy.View
		next int
	}
	answers := make(chan answer, 1)
	w.loop.Post(func() {
		part, next := w.sessions.Views(from, nil)
		answers <- answer{part, next}
	})
	select {
	case a := <-answers:
		return a.part, a.next, true
	case <-time.After(gatherFor):
		return nil, 0, false
	}
}

func (s *Server) listTransfers() []admin.Transfer {
	all := []admin.Transfer{}
	now := loop.Clock()
	for _, views := range gather(s, func(w *worker) []drop.View { return w.conns.Views() }) {
		for _, v := range views {
			one := admin.Transfer{
				ID: strconv.FormatUint(v.ID, 36), Drop: v.Drop, Client: clientName(v.Client, v.Unix), State: v.State,
				Method: v.Method, Path: v.Path, Sent: v.Sent, Size: v.Size,
			}
			if v.Began != 0 {
				one.Age = seconds(now - v.Began)
				one.Rate = float64(v.Sent) / max(one.Age, 0.001)
			}
			all = append(all, one)
		}
	}
	return all
}

// resetSession ends a session or a connection to a drop, wherever it is.
func (s *Server) resetSession(id uint64) bool {
	for _, found := range gather(s, func(w *worker) bool { return w.sessions.Reset(id) || w.conns.Reset(id) }) {
		if found {
			return true
		}
	}
	return false
}

func clientName(a netip.AddrPort, unix bool) string {
	if unix {
		return "unix:"
	}
	return a.String()
}

func seconds(ns int64) float64 { return float64(max(ns, 0)) / float64(time.Second) }
