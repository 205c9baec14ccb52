package proxy

import (
	"time"

	"github.com/rs/zerolog"

	"relay/relay/flow"
	"relay/relay/loop"
	"relay/relay/sock"
)

// Reason is why a session ended, in the access log's words.
type Reason string

// The reasons.
const (
	Complete         Reason = "complete"
	ClientReset      Reason = "client_reset"
	BackendReset     Reason = "backend_reset"
	BadProxyHeader   Reason = "bad_proxy_header"
	HeaderTimeout    Reason = "header_timeout"
	IdleTimeout      Reason = "idle_timeout"
	HalfCloseTimeout Reason = "half_close_timeout"
	SessionTimeout   Reason = "session_timeout"
	ConnectFailed    Reason = "connect_failed"
	NoBackend        Reason = "no_backend"
	BackendFull      Reason = "backend_full"
	QueueFull        Reason = "queue_full"
	QueueTimeout     Reason = "queue_timeout"
	BackendDown      Reason = "backend_down" // and on_down is "reset"
	NoResources      Reason = "no_resources"
	DrainTimeout     Reason = "drain_timeout"
	Killed           Reason = "killed"
	ResetByOrder     Reason = "reset_by_order" // of an operator
)

const (
	// resetWait is how long a reset waits for a send queue that gets no shorter: a reset
	// throws away what the queue still holds.
	resetWait = int64(2 * time.Second)
	// resetPoll is the first interval at which the queue is looked at; each is twice
	// the one before, up to resetPollMost.
	resetPoll     = int64(time.Millisecond)
	resetPollMost = 100 * resetPoll
)

// passReset passes the failure of end i on to the other end, as a reset, so that a
// stream which was cut off never looks complete. What end i sent before has been handed
// to the other's socket; the reset waits until the peer has it.
func (s *Session) passReset(i int) {
	s.reason = ClientReset
	if i == backend {
		s.reason = BackendReset
		if s.flows[backend].Moved == 0 {
			s.backend.Cut()
		}
	}
	for f := range s.flows {
		s.in.mover.Discard(&s.flows[f])
	}
	s.closeEnd(&s.ends[i], true) // it may have failed on our side (ENOBUFS) and its peer be there
	other := &s.ends[1-i]
	if other.Kind != flow.TCP || other.Err != 0 {
		s.finish(s.reason)
		return
	}
	if s.unsent = uint32(sock.Unsent(other.FD)); s.unsent == 0 {
		s.finish(s.reason)
		return
	}
	s.setState(resetting)
	now := s.in.loop.Now()
	s.deadline = now + resetWait
	s.active = now
	s.in.loop.Ask(other.token, 0)
	s.in.loop.SetTimer(&s.timer, s, now+resetPoll)
}

// resetWhenDelivered looks whether the peer has got everything. No event tells of it.
// A slow peer has its time for as long as it goes on reading.
func (s *Session) resetWhenDelivered(now int64) {
	for i := range s.ends {
		e := &s.ends[i]
		if !e.open() {
			continue
		}
		left := uint32(sock.Unsent(e.FD))
		if left < s.unsent {
			s.unsent, s.deadline = left, now+resetWait
		}
		if left > 0 && now < s.deadline {
			again := now + min(max(now-s.active, resetPoll), resetPollMost) // doubles what has passed
			s.in.loop.SetTimer(&s.timer, s, min(again, s.deadline))
			return
		}
	}
	s.finish(s.reason)
}

// whileResetting hears of the end that is to be reset. When it fails by itself there is
// nobody left to wait for; else only its send queue matters, and no event tells of that.
func (s *Session) whileResetting(tag uint8, ev loop.Events) {
	if ev&loop.Err != 0 {
		s.finish(s.reason)
		return
	}
	if ev&loop.Hup != 0 {
		s.in.loop.Park(s.ends[tag].token)
	}
}

// finish is the only way out. Unless the session is complete, whoever is still
// connected gets a reset: an end that relay causes must not look like the stream's own.
func (s *Session) finish(why Reason) {
	ss := s.in
	now := loop.Clock() // a session may begin and end in one round
	s.setState(closed)
	ss.loop.StopTimer(&s.timer)
	if s.pace != nil {
		s.pace.leave()
	}
	for i := range s.ends {
		ss.mover.Discard(&s.flows[i])
		s.closeEnd(&s.ends[i], why != Complete)
	}
	s.leaveQueue()
	if s.backend != nil {
		if s.flows[backend].Moved > 0 {
			s.backend.Served()
		}
		s.backend.Leave()
	}
	s.listener.Service.Leave()
	if !s.uncounted {
		s.listener.Service.LeaveSource(s.client)
	}
	ss.loop.Load.Add(-1)
	s.countEnd(why, now)
	s.logEnd(why, now)
	ss.release(s)
}

// closeEnd takes an end out of the loop and closes it.
func (s *Session) closeEnd(e *end, reset bool) {
	if !e.open() {
		return
	}
	s.in.loop.Forget(e.token)
	if reset && e.Kind == flow.TCP {
		sock.Reset(e.FD)
	} else {
		sock.Close(e.FD)
	}
	e.FD, e.token = -1, 0
}

// logEnd writes the access-log line.
func (s *Session) logEnd(why Reason, now int64) {
	if !s.in.access {
		return
	}
	line := s.in.log.Info().
		Str("listener", s.listener.Service.Config.Name).
		Str("upstream", s.upstreamName())
	if s.ends[client].Kind == flow.Unix {
		line.Str("client", "unix:")
	} else {
		line.Str("client", s.client.String())
	}
	if s.who != nil {
		s.who.log(line)
	}
	if s.backend != nil {
		line.Str("backend", s.backend.Name)
	}
	line.Uint64("bytes_up", s.flows[client].Moved).Uint64("bytes_down", s.flows[backend].Moved)
	if s.connected != 0 {
		line.Float64("connect_ms", milliseconds(s.connected-s.accepted))
	}
	if why == ConnectFailed || why == NoResources {
		line.Str("error", s.ends[backend].Err.Error())
	}
	line.Float64("duration_ms", milliseconds(now-s.accepted)).
		Int("retries", s.retries()).Str("reason", string(why)).Msg("session")
}

// retries is the number of connects after the first, the successful one included.
func (s *Session) retries() int {
	if s.connected == 0 && len(s.tried) > 0 {
		return len(s.tried) - 1
	}
	return len(s.tried)
}

// upstreamName is that of the listener's own upstream for a session that ended before
// its route was known.
func (s *Session) upstreamName() string {
	if s.target == nil {
		return s.listener.Target.Upstream.Name
	}
	return s.target.Upstream.Name
}

// log adds what is known of the client to its access-log line.
func (who *Identity) log(line *zerolog.Event) {
	if who.Peer.IsValid() {
		line.Str("peer", who.Peer.String())
	}
	if who.ServerName != "" {
		line.Str("sni", who.ServerName)
	}
	if len(who.Protocols) > 0 {
		line.Strs("alpn", who.Protocols)
	}
	if who.ID != "" {
		line.Str("id", who.ID)
	}
	if who.failure != nil {
		line.Str("error", who.failure.Error())
	}
}
