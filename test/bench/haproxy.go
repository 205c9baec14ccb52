package main

import (
	"fmt"
	"os/exec"
	"syscall"
)

// haproxyConfig gives HAProxy pipes of 1 MiB, like relay's: they lower its CPU per GB
// to less than half of what the kernel's 64 KiB pipes cost, and it is at its best with
// them. maxpipes is more than the streams need, so that none falls back to copying.
// -db keeps it in the foreground as one process.
const haproxyConfig = `global
    nbthread 1
    maxconn 9000
    maxpipes 256
    tune.pipesize 1048576
%s
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
%s
listen bench
    bind %s
    server backend %s
`

// haproxyModes are the ways HAProxy can move bytes: it splices always, when its
// heuristic says so, or never. The last one, which is extra, copies through larger
// buffers than it does by default.
var haproxyModes = []struct {
	name, global, defaults string
	extra                  bool
}{
	{name: "haproxy-splice", defaults: "    option splice-request\n    option splice-response\n"},
	{name: "haproxy-auto", defaults: "    option splice-auto\n"},
	{name: "haproxy-copy"},
	{name: "haproxy-copy64k", global: "    tune.bufsize 65536\n", extra: true},
}

func haproxyPeers() (proxies, servers []peer, err error) {
	path, version, err := find("haproxy", "-v")
	if err != nil {
		return nil, nil, err
	}
	for _, mode := range haproxyModes {
		proxies = append(proxies, peer{
			name: mode.name, program: "haproxy", version: version, extra: mode.extra,
			onParentDeath: syscall.SIGKILL,
			command: func(at place) (*exec.Cmd, error) {
				text := fmt.Sprintf(haproxyConfig, mode.global, mode.defaults, at.listen, at.backend)
				return exec.Command(path, "-db", "-q", "-f", at.path("haproxy.cfg")), at.write("haproxy.cfg", text)
			},
		})
	}
	return proxies, nil, nil
}
