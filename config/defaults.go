package config

import "time"

// Default is what holds when a file says nothing: no service, and the engine as it is
// without a key.
func Default() *Config {
	return &Config{
		Engine: Engine{
			SpliceChunk:  mib,
			CopyChunk:    16 * kib,
			PipeSize:     mib,
			PipeBudget:   256 * mib,
			DrainTimeout: 30 * time.Second,
			RestartDrain: 5 * time.Second,
		},
		Log:   Log{Level: "info", Format: "json", Access: true},
		Admin: Admin{TokenFile: "relay.token"},
	}
}

func freshService() Service {
	return Service{
		HeaderTimeout:    5 * time.Second,
		IdleTimeout:      10 * time.Minute,
		HalfCloseTimeout: time.Minute,
		Backlog:          4096,
		Sockets:          freshSockets(),
	}
}

func freshListener() Listener { return Listener{Service: freshService()} }

func freshUpstream() Upstream {
	return Upstream{ConnectTimeout: 5 * time.Second, ConnectRetries: 3, QueueTimeout: 10 * time.Second, Sockets: freshSockets()}
}

func freshHealthCheck() *HealthCheck {
	return &HealthCheck{
		Interval: 2 * time.Second, Timeout: 2 * time.Second, Jitter: 10, Fall: 3, Rise: 2, Path: "/",
	}
}

func freshEjection() *Ejection {
	return &Ejection{Failures: 5, Time: 10 * time.Second, TimeMax: 5 * time.Minute, ShareMax: 50}
}

func freshBackend() Backend { return Backend{Weight: 1} }

func freshDrop() Drop {
	return Drop{Service: freshService(), Uploads: freshUploads(), Watch: freshWatch()}
}
