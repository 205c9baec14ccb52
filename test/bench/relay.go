package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
)

// build is one build of relay that takes part: -relay label=path.
type build struct{ label, path string }

// transfers are the ways a drop fills a socket from a file.
var transfers = []string{"splice", "sendfile", "mmap", "copy"}

// relayConfig is what relay does by itself, but for one loop (the other peers have one
// thread) and no log line per session (they write none either).
const relayConfig = `[engine]
loops = 1
drain_timeout = "1s"

[log]
level = "warn"
access = false
`

// relayPeers is one build as a proxy, and as a file server by each transfer.
func relayPeers(b build) (proxies, servers []peer, err error) {
	path, version, err := find(b.path, "version")
	if err != nil {
		return nil, nil, err
	}
	// The peer runs in a directory of its own.
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	relay := peer{name: b.label, program: "relay", version: version, onParentDeath: syscall.SIGKILL}
	relay.command = func(at place) (*exec.Cmd, error) {
		return relayCommand(path, at, fmt.Sprintf(`
[[listener]]
name = "bench"
listen = [%q]
upstream = "bench"

[[upstream]]
name = "bench"

[[upstream.backend]]
address = %q
`, at.listen, at.backend))
	}
	for _, transfer := range transfers {
		server := relay
		server.name = b.label + ":" + transfer
		server.command = func(at place) (*exec.Cmd, error) {
			return relayCommand(path, at, fmt.Sprintf(`
[[drop]]
name = "bench"
listen = [%q]
directory = %q
transfer = %q
`, at.listen, at.root, transfer))
		}
		servers = append(servers, server)
	}
	return []peer{relay}, servers, nil
}

func relayCommand(path string, at place, tables string) (*exec.Cmd, error) {
	cmd := exec.Command(path, "run", "--config", at.path("relay.toml"))
	return cmd, at.write("relay.toml", relayConfig+tables)
}
