package config

import "time"

// defaults is the configuration of an empty file.
func defaults() *Config {
	return &Config{
		Engine: Engine{
			SpliceChunk:  mib,
			CopyChunk:    16 * kib,
			PipeSize:     mib,
			PipeBudget:   256 * mib,
			DrainTimeout: 30 * time.Second,
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
	return Upstream{ConnectTimeout: 5 * time.Second, ConnectRetries: 3, Sockets: freshSockets()}
}

func freshBackend() Backend { return Backend{Weight: 1} }

func freshDrop() Drop { return Drop{Service: freshService()} }
