package proxy

import (
	"time"

	"github.com/rs/zerolog"

	"relay/relay/flow"
)

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

func milliseconds(ns int64) float64 { return float64(ns) / float64(time.Millisecond) }
