package config

import (
	"net/netip"
	"slices"
	"time"
)

// The schema: one table of keys for each table of the file. A key says its name,
// what values it takes, and where they go; its default is in defaults.go and its
// meaning in relay.toml. What values say of each other is checked in validate.go.

const (
	sessionsMost = 1_000_000_000
	loopsMost    = 1024
	retriesMost  = 100
	weightMost   = 256
	streakMost   = 1000
)

var spliceChunk = size[int](4*kib, gib)

var rootFields = []field[Config]{
	single("engine", engineFields, func(c *Config) *Engine { return &c.Engine }),
	single("log", logFields, func(c *Config) *Log { return &c.Log }),
	single("admin", adminFields, func(c *Config) *Admin { return &c.Admin }),
	repeated("listener", "listener", listenerFields, freshListener, func(c *Config) *[]Listener { return &c.Listeners }),
	repeated("upstream", "upstream", upstreamFields, freshUpstream, func(c *Config) *[]Upstream { return &c.Upstreams }),
	repeated("drop", "drop", dropFields, freshDrop, func(c *Config) *[]Drop { return &c.Drops }),
}

var engineFields = []field[Engine]{
	scalar("loops", integer(0, loopsMost), func(e *Engine) *int { return &e.Loops }),
	scalar("splice", choice[Splice](spliceNames), func(e *Engine) *Splice { return &e.Splice }),
	scalar("splice_chunk", spliceChunk, func(e *Engine) *int { return &e.SpliceChunk }),
	scalar("copy_chunk", size[int](kib, mib), func(e *Engine) *int { return &e.CopyChunk }),
	scalar("pipe_size", size[int](4*kib, gib), func(e *Engine) *int { return &e.PipeSize }),
	scalar("pipe_budget", size[int64](4*kib, tib), func(e *Engine) *int64 { return &e.PipeBudget }),
	scalar("sessions_max", integer(0, sessionsMost), func(e *Engine) *int { return &e.SessionsMax }),
	scalar("drain_timeout", duration, func(e *Engine) *time.Duration { return &e.DrainTimeout }),
	scalar("restart_drain_timeout", duration, func(e *Engine) *time.Duration { return &e.RestartDrain }),
}

var logFields = []field[Log]{
	scalar("level", word([]string{"debug", "info", "warn", "error"}), func(l *Log) *string { return &l.Level }),
	scalar("format", word([]string{"json", "console"}), func(l *Log) *string { return &l.Format }),
	scalar("access", yesNo, func(l *Log) *bool { return &l.Access }),
}

var adminFields = []field[Admin]{
	scalar("listen", adminAddress, func(a *Admin) *Address { return &a.Listen }),
	scalar("token_file", tokenFile, func(a *Admin) *string { return &a.TokenFile }),
}

// serviceFields are the keys of both a listener and a drop.
var serviceFields = slices.Concat([]field[Service]{
	required(scalar("name", name, func(s *Service) *string { return &s.Name }), `name = "web"`),
	required(list("listen", listenAddress, func(s *Service) *[]Address { return &s.Listen }), `listen = ["127.0.0.1:8080"]`),
	scalar("sessions_max", integer(0, sessionsMost), func(s *Service) *int { return &s.SessionsMax }),
	list("allow", prefix, func(s *Service) *[]netip.Prefix { return &s.Allow }),
	list("deny", prefix, func(s *Service) *[]netip.Prefix { return &s.Deny }),
	scalar("header_timeout", timeout, func(s *Service) *time.Duration { return &s.HeaderTimeout }),
	scalar("idle_timeout", timeout, func(s *Service) *time.Duration { return &s.IdleTimeout }),
	scalar("half_close_timeout", timeout, func(s *Service) *time.Duration { return &s.HalfCloseTimeout }),
	list("accept_proxy_from", prefix, func(s *Service) *[]netip.Prefix { return &s.AcceptProxyFrom }),
	scalar("sessions_max_per_source", integer(0, sessionsMost), func(s *Service) *int { return &s.SessionsMaxPerSource }),
	scalar("session_rate_per_source", integer(0, sessionsMost), func(s *Service) *int { return &s.SessionRatePerSource }),
	scalar("backlog", integer(1, backlogMost), func(s *Service) *int { return &s.Backlog }),
	scalar("defer_accept", seconds(0, deferMost), func(s *Service) *time.Duration { return &s.DeferAccept }),
}, within(socketFields, func(s *Service) *Sockets { return &s.Sockets }))

var listenerFields = slices.Concat(
	within(serviceFields, func(l *Listener) *Service { return &l.Service }),
	[]field[Listener]{
		required(scalar("upstream", name, func(l *Listener) *string { return &l.Upstream }), `upstream = "web", the name of an [[upstream]]`),
		scalar("splice_chunk", spliceChunk, func(l *Listener) *int { return &l.SpliceChunk }),
		repeated("route", "listener.route", routeFields, freshRoute, func(l *Listener) *[]Route { return &l.Routes }),
		scalar("session_timeout", duration, func(l *Listener) *time.Duration { return &l.SessionTimeout }),
	},
	within(rateFields, func(l *Listener) *Rates { return &l.Rates }),
)

var upstreamFields = slices.Concat(
	[]field[Upstream]{
		required(scalar("name", name, func(u *Upstream) *string { return &u.Name }), `name = "web"`),
		scalar("balance", choice[Balance](balanceNames), func(u *Upstream) *Balance { return &u.Balance }),
		scalar("hash_key", choice[HashKey](hashKeyNames), func(u *Upstream) *HashKey { return &u.Hash }),
		scalar("hash_balance_factor", zeroOr(101, 1000), func(u *Upstream) *int { return &u.HashFactor }),
		scalar("slow_start", duration, func(u *Upstream) *time.Duration { return &u.SlowStart }),
		scalar("queue_max", integer(0, sessionsMost), func(u *Upstream) *int { return &u.QueueMax }),
		scalar("queue_timeout", timeout, func(u *Upstream) *time.Duration { return &u.QueueTimeout }),
		scalar("panic_threshold", integer(0, 100), func(u *Upstream) *int { return &u.PanicThreshold }),
		scalar("on_down", choice[OnDown](onDownNames), func(u *Upstream) *OnDown { return &u.OnDown }),
		scalar("connect_timeout", timeout, func(u *Upstream) *time.Duration { return &u.ConnectTimeout }),
		scalar("connect_retries", integer(0, retriesMost), func(u *Upstream) *int { return &u.ConnectRetries }),
		scalar("splice_chunk", spliceChunk, func(u *Upstream) *int { return &u.SpliceChunk }),
		single("health_check", healthCheckFields, func(u *Upstream) *HealthCheck {
			u.HealthCheck = freshHealthCheck()
			return u.HealthCheck
		}),
		single("ejection", ejectionFields, func(u *Upstream) *Ejection {
			u.Ejection = freshEjection()
			return u.Ejection
		}),
		scalar("discover", serviceName, func(u *Upstream) *string { return &u.Discover }),
		scalar("resolver", resolverAddress, func(u *Upstream) *Address { return &u.Resolver }),
		scalar("on_empty", choice[OnEmpty](onEmptyNames), func(u *Upstream) *OnEmpty { return &u.OnEmpty }),
		unless("discover", required(repeated("backend", "upstream.backend", backendFields, freshBackend,
			func(u *Upstream) *[]Backend { return &u.Backends }), `[[upstream.backend]] and address = "127.0.0.1:9001" below it`)),
	},
	within(outgoingFields, func(u *Upstream) *Outgoing { return &u.Outgoing }),
	within(socketFields, func(u *Upstream) *Sockets { return &u.Sockets }),
)

var healthCheckFields = []field[HealthCheck]{
	scalar("type", choice[Check](checkTypeNames), func(h *HealthCheck) *Check { return &h.Type }),
	scalar("interval", timeout, func(h *HealthCheck) *time.Duration { return &h.Interval }),
	scalar("down_interval", duration, func(h *HealthCheck) *time.Duration { return &h.DownInterval }),
	scalar("timeout", timeout, func(h *HealthCheck) *time.Duration { return &h.Timeout }),
	scalar("jitter", integer(0, 50), func(h *HealthCheck) *int { return &h.Jitter }),
	scalar("fall", integer(1, streakMost), func(h *HealthCheck) *int { return &h.Fall }),
	scalar("rise", integer(1, streakMost), func(h *HealthCheck) *int { return &h.Rise }),
	scalar("port", integer(0, 65535), func(h *HealthCheck) *int { return &h.Port }),
	scalar("host", line, func(h *HealthCheck) *string { return &h.Host }),
	scalar("path", httpPath, func(h *HealthCheck) *string { return &h.Path }),
	list("status", statusRange, func(h *HealthCheck) *[]StatusRange { return &h.Status }),
	scalar("send", text, func(h *HealthCheck) *string { return &h.Send }),
	scalar("expect", text, func(h *HealthCheck) *string { return &h.Expect }),
	scalar("expect_regexp", regularExpression, func(h *HealthCheck) *string { return &h.ExpectRegexp }),
}

var ejectionFields = []field[Ejection]{
	scalar("failures", integer(1, streakMost), func(e *Ejection) *int { return &e.Failures }),
	scalar("time", timeout, func(e *Ejection) *time.Duration { return &e.Time }),
	scalar("time_max", timeout, func(e *Ejection) *time.Duration { return &e.TimeMax }),
	scalar("share_max", integer(0, 100), func(e *Ejection) *int { return &e.ShareMax }),
}

var backendFields = []field[Backend]{
	required(scalar("address", backendAddress, func(b *Backend) *Address { return &b.Address }), `address = "127.0.0.1:9001"`),
	scalar("weight", integer(0, weightMost), func(b *Backend) *int { return &b.Weight }),
	scalar("sessions_max", integer(0, sessionsMost), func(b *Backend) *int { return &b.SessionsMax }),
	scalar("backup", yesNo, func(b *Backend) *bool { return &b.Backup }),
}

var dropFields = slices.Concat(
	within(unlessAll("forward", serviceFields, "listen"), func(d *Drop) *Service { return &d.Service }),
	[]field[Drop]{
		required(scalar("directory", directory, func(d *Drop) *string { return &d.Directory }), `directory = "files"`),
		scalar("transfer", choice[Transfer](transferNames), func(d *Drop) *Transfer { return &d.Transfer }),
		scalar("splice_chunk", spliceChunk, func(d *Drop) *int { return &d.SpliceChunk }),
	},
	within(uploadFields, func(d *Drop) *Uploads { return &d.Uploads }),
	within(watchFields, func(d *Drop) *Watch { return &d.Watch }),
	[]field[Drop]{
		repeated("forward", "drop.forward", forwardFields, freshForward, func(d *Drop) *[]Forward { return &d.Forwards }),
	},
)
