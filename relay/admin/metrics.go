package admin

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"relay/relay/loop"
	"relay/relay/tally"
)

// collector turns a State into metrics, one scrape at a time: nothing is counted twice,
// and between scrapes nothing is done. Labels are names of the configuration and words
// of fixed lists; never a client, a path or a session.
type collector struct{ relay Relay }

// metric is one family.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("relay_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("relay_"+name, help, labels, nil), prometheus.GaugeValue}
}

var (
	buildInfo    = gauge("build_info", "Always 1; the version is a label.", "version")
	startTime    = gauge("start_time_seconds", "When the process started, in seconds since 1970.")
	serving      = gauge("serving", "1 while new clients are taken, 0 while starting or draining.")
	sessionsMax  = gauge("sessions_max", "Sessions that the process may have at the same time.")
	sessionsNow  = gauge("sessions", "Sessions and drop connections that run.", "role", "name")
	accepted     = counter("sessions_accepted_total", "Sessions taken by a listener.", "listener")
	ended        = counter("sessions_ended_total", "Sessions that ended, and clients refused, by reason.", "listener", "reason")
	bytesMoved   = counter("bytes_total", "Bytes delivered, by direction and by whether they were spliced or copied.", "listener", "direction", "way")
	retries      = counter("connect_retries_total", "Connects to a backend that failed and were followed by another or by the end.", "listener")
	connectTime  = prometheus.NewDesc("relay_connect_seconds", "From accept to a backend that answered.", []string{"listener"}, nil)
	sessionTime  = prometheus.NewDesc("relay_session_seconds", "From accept to the end.", []string{"listener"}, nil)
	backendUp    = gauge("backend_up", "1 while the backend is given new sessions, 0 while it is down, ejected or drained.", "upstream", "backend")
	backendState = gauge("backend_state", "1 for the state that the backend is in.", "upstream", "backend", "state")
	backendNow   = gauge("backend_sessions", "Sessions on the backend or on their way to it.", "upstream", "backend")
	backendAll   = counter("backend_sessions_total", "Sessions ever given to the backend.", "upstream", "backend")
	backendFails = counter("backend_connects_failed_total", "Connects to the backend that failed.", "upstream", "backend")
	backendShare = gauge("backend_weight", "The backend's weight now.", "upstream", "backend")
	queued       = gauge("upstream_queued", "Sessions that wait for a place on a backend.", "upstream")
	pipesLent    = gauge("pipes_lent", "Pipes that hold bytes or are being filled.")
	pipesIdle    = gauge("pipes_idle", "Pipes that wait in the pools.")
	pipesBytes   = gauge("pipes_bytes", "Capacity of all pipes.")
	pipesBudget  = gauge("pipes_budget_bytes", "Capacity that the pools may have.")
	loopBusy     = counter("loop_busy_seconds_total", "Time the loop spent working; its rate is the utilisation.", "loop")
	loopEvents   = counter("loop_events_total", "Events fetched from epoll.", "loop")
	loopStalls   = counter("loop_stalls_total", "Rounds longer than 50 ms.", "loop")
	loopSessions = gauge("loop_sessions", "Sessions on the loop.", "loop")
	loopRound    = prometheus.NewDesc("relay_loop_round_seconds", "Length of a round: how long an event may wait for its turn.", []string{"loop"}, nil)
	logLost      = counter("log_lines_lost_total", "Log lines lost because the log was read too slowly.")
	reloads      = counter("reloads_total", "Reloads, by outcome.", "outcome")
	reloadOK     = gauge("last_reload_successful", "0 when the last reload was refused, else 1.")
	requests     = counter("drop_requests_total", "Requests to a drop, by status; 0 = there was none.", "drop", "status")
	dropEnded    = counter("drop_requests_ended_total", "Requests to a drop, by the reason that they ended.", "drop", "reason")
	dropBytes    = counter("drop_sent_bytes_total", "Bytes of files and pages sent.", "drop")
	forwardFiles = gauge("forward_files", "Files of a forward's queue, by state.", "drop", "to", "state")
	forwardAge   = gauge("forward_oldest_seconds", "Age of the oldest file that a forward has still to send.", "drop", "to")
	forwardSent  = counter("forward_files_total", "Files that a forward is through with, by outcome.", "drop", "to", "outcome")
	forwardBytes = counter("forward_bytes_total", "Bytes that a forward has sent.", "drop", "to")
	forwardTries = counter("forward_retries_total", "Tries to send a file that failed and are followed by another.", "drop", "to")
	dropReceived = counter("drop_received_bytes_total", "Bytes of files that came in.", "drop")
	dropArrived  = counter("drop_files_arrived_total", "Files that arrived whole and were published.", "drop")
	dropUploads  = gauge("drop_uploads", "Files that are arriving.", "drop")
	requestTime  = prometheus.NewDesc("relay_drop_request_seconds", "From the first byte of a request to its end.", []string{"drop"}, nil)
)

// Describe names nothing, because the relay cannot be asked yet while it is built: the
// registry then checks each scrape instead (an unchecked collector).
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect asks for the state once.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	state := c.relay.State()
	s := sender(ch)
	s.process(&state)
	for i := range state.Listeners {
		s.listener(&state.Listeners[i])
	}
	for i := range state.Upstreams {
		s.upstream(&state.Upstreams[i])
	}
	for i := range state.Drops {
		s.drop(&state.Drops[i])
	}
	for i := range state.Loops {
		s.loop(i, &state.Loops[i])
	}
}

type sender chan<- prometheus.Metric

func (s sender) put(m metric, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(m.desc, m.kind, v, labels...)
}

func (s sender) histogram(d *prometheus.Desc, h *tally.Histogram, label string) {
	buckets := map[float64]uint64{}
	var n uint64
	for i, bound := range tally.Bounds {
		n += h.Buckets[i]
		buckets[bound.Seconds()] = n
	}
	s <- prometheus.MustNewConstHistogram(d, h.Count(), h.Sum.Seconds(), buckets, label)
}

func (s sender) process(p *State) {
	s.put(buildInfo, 1, p.Version)
	s.put(startTime, float64(p.Started.UnixMilli())/1000)
	s.put(serving, yes(p.State == "serving"))
	s.put(sessionsMax, float64(p.SessionsMax))
	s.put(pipesLent, float64(p.Pipes.Lent))
	s.put(pipesIdle, float64(p.Pipes.Idle))
	s.put(pipesBytes, float64(p.Pipes.Bytes))
	s.put(pipesBudget, float64(p.Pipes.Budget))
	s.put(logLost, float64(p.LogLost))
	s.put(reloads, float64(p.Reloads), "applied")
	s.put(reloads, float64(p.Refused), "refused")
	s.put(reloadOK, yes(p.LastReload == nil || p.LastReload.OK))
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (s sender) listener(l *Listener) {
	s.put(sessionsNow, float64(l.Sessions), "listener", l.Name)
	s.put(accepted, float64(l.Accepted), l.Name)
	s.put(retries, float64(l.Retries), l.Name)
	for reason, n := range l.Ended {
		s.put(ended, float64(n), l.Name, reason)
	}
	s.put(bytesMoved, float64(l.SplicedUp), l.Name, "up", "spliced")
	s.put(bytesMoved, float64(l.SplicedDown), l.Name, "down", "spliced")
	s.put(bytesMoved, float64(l.Bytes.Up-l.SplicedUp), l.Name, "up", "copied")
	s.put(bytesMoved, float64(l.Bytes.Down-l.SplicedDown), l.Name, "down", "copied")
	s.histogram(connectTime, &l.Connect, l.Name)
	s.histogram(sessionTime, &l.Duration, l.Name)
}

var backendStates = []string{"up", "down", "ejected", "drained"}

func (s sender) upstream(u *Upstream) {
	s.put(queued, float64(u.Queued), u.Name)
	for i := range u.Backends {
		b := &u.Backends[i]
		s.put(backendUp, yes(b.State == "up"), u.Name, b.Address)
		for _, state := range backendStates {
			s.put(backendState, yes(b.State == state), u.Name, b.Address, state)
		}
		s.put(backendNow, float64(b.Sessions), u.Name, b.Address)
		s.put(backendAll, float64(b.Total), u.Name, b.Address)
		s.put(backendFails, float64(b.Failed), u.Name, b.Address)
		s.put(backendShare, float64(b.Weight), u.Name, b.Address)
	}
}

func (s sender) forward(drop string, f *Forward) {
	s.put(forwardFiles, float64(f.Waiting), drop, f.To, "waiting")
	s.put(forwardFiles, float64(f.Carried), drop, f.To, "carried")
	s.put(forwardFiles, float64(f.Failed), drop, f.To, "failed")
	age := 0.0
	if f.Oldest != nil {
		age = time.Since(*f.Oldest).Seconds()
	}
	s.put(forwardAge, age, drop, f.To)
	s.put(forwardSent, float64(f.Sent), drop, f.To, "sent")
	s.put(forwardSent, float64(f.GivenUp), drop, f.To, "given_up")
	s.put(forwardSent, float64(f.Looped), drop, f.To, "looped")
	s.put(forwardBytes, float64(f.Bytes), drop, f.To)
	s.put(forwardTries, float64(f.Retries), drop, f.To)
}

func (s sender) drop(d *Drop) {
	for i := range d.Forwards {
		s.forward(d.Name, &d.Forwards[i])
	}
	s.put(sessionsNow, float64(d.Sessions), "drop", d.Name)
	s.put(dropBytes, float64(d.Bytes), d.Name)
	s.put(dropReceived, float64(d.Received), d.Name)
	s.put(dropArrived, float64(d.Arrived), d.Name)
	s.put(dropUploads, float64(d.Uploads), d.Name)
	for status, n := range d.Status {
		s.put(requests, float64(n), d.Name, strconv.Itoa(status))
	}
	for reason, n := range d.Ended {
		s.put(dropEnded, float64(n), d.Name, reason)
	}
	s.histogram(requestTime, &d.Duration, d.Name)
}

func (s sender) loop(i int, l *Loop) {
	name := strconv.Itoa(i)
	s.put(loopBusy, l.Busy, name)
	s.put(loopEvents, float64(l.Events), name)
	s.put(loopStalls, float64(l.Stalls), name)
	s.put(loopSessions, float64(l.Sessions), name)
	buckets := map[float64]uint64{}
	var n uint64
	for b, count := range l.Rounds {
		n += count
		if b < len(l.Rounds)-1 {
			buckets[loop.RoundBound(b).Seconds()] = n
		}
	}
	s <- prometheus.MustNewConstHistogram(loopRound, n, l.Busy, buckets, name)
}
