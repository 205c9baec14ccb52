package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// peer is one program in one setting, as it stands in the tables.
type peer struct {
	name    string
	program string // relay, haproxy, nginx; empty for no proxy at all
	version string
	extra   bool // only when asked for by its full name
	// command writes the peer's configuration into the place and returns the command
	// that runs it in the foreground; nil for no proxy at all.
	command func(place) (*exec.Cmd, error)
	// onParentDeath ends the peer when the bench is gone: SIGKILL, but for a program
	// whose workers only its master can end.
	onParentDeath syscall.Signal
}

// place is where one run of a peer does its work.
type place struct {
	dir     string // its own, empty
	listen  string // host:port to accept on
	backend string // host:port to forward to; empty: serve files
	root    string // directory with the file "payload"
}

func (p place) path(name string) string { return filepath.Join(p.dir, name) }

func (p place) write(name, text string) error {
	return os.WriteFile(p.path(name), []byte(text), 0o644)
}

const noProxy = "none"

// errMissing says that a peer's program is not installed.
var errMissing = errors.New("not installed")

// cast is who takes part: proxies forward, servers send files. A missing program is
// left out with a line that says so.
type cast struct {
	proxies []peer
	servers []peer
	skipped []string
}

func findPeers(o options) (cast, error) {
	c := cast{proxies: []peer{{name: noProxy}}}
	for _, r := range o.relays {
		c.join(r.label, func() ([]peer, []peer, error) { return relayPeers(r) })
	}
	c.join("haproxy", haproxyPeers)
	c.join("nginx", nginxPeers)
	c.keep(o.peers)
	if len(c.proxies) == 0 && len(c.servers) == 0 {
		return c, fmt.Errorf("no peer is called %s", strings.Join(o.peers, ", "))
	}
	named := func(p peer) bool { return p.program != "" }
	if !slices.ContainsFunc(c.proxies, named) && !slices.ContainsFunc(c.servers, named) && len(c.skipped) > 0 {
		return c, fmt.Errorf("nothing to measure: %s", strings.Join(c.skipped, "; "))
	}
	return c, nil
}

func (c *cast) join(name string, find func() (proxies, servers []peer, err error)) {
	proxies, servers, err := find()
	if err != nil {
		c.skipped = append(c.skipped, fmt.Sprintf("%s: %v", name, err))
		return
	}
	c.proxies = append(c.proxies, proxies...)
	c.servers = append(c.servers, servers...)
}

// keep drops every peer that is not asked for.
func (c *cast) keep(wanted []string) {
	unwanted := func(p peer) bool { return !p.isWanted(wanted) }
	c.proxies = slices.DeleteFunc(c.proxies, unwanted)
	c.servers = slices.DeleteFunc(c.servers, unwanted)
}

// isWanted is by full name or by what the name begins with: "haproxy" wants all its
// modes. No names at all want everyone.
func (p peer) isWanted(names []string) bool {
	switch {
	case p.extra:
		return slices.Contains(names, p.name)
	case len(names) == 0:
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		rest, found := strings.CutPrefix(p.name, name)
		return found && (rest == "" || rest[0] == '-' || rest[0] == ':')
	})
}

// find looks a program up and asks for its version: the first line it prints.
func find(program string, versionArgs ...string) (path, version string, err error) {
	path, err = exec.LookPath(program)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", program, errMissing)
	}
	text, err := exec.Command(path, versionArgs...).CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("%s %s: %w", program, strings.Join(versionArgs, " "), err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return path, line, nil
}
