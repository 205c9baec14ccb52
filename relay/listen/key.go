package listen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"relay/config"
	"relay/relay/systemd"
)

// A key is the name under which a socket of ours is left with somebody: a hash of its
// place, so that it is found again, and one of the options it was opened with. It has no
// ':', which the service manager's names must not have.
var keyForm = regexp.MustCompile(`^relay-[0-9a-f]{16}-[0-9a-f]{8}$`)

func isKey(name string) bool { return keyForm.MatchString(name) }

// stem is a key without the options.
func stem(key string) string { return key[:strings.LastIndexByte(key, '-')] }

func keyOf(at place, c *config.Service) string {
	options := ""
	if !at.address.IsUnix() {
		options = fmt.Sprint(settings(c), c.MPTCP)
	}
	return "relay-" + hash(fmt.Sprint(at.address, "|", at.service, "|", at.n), 8) + "-" + hash(options, 4)
}

// Keys are those of the sockets that a service opens.
func Keys(role string, c *config.Service) []string {
	var keys []string
	for i, a := range c.Listen {
		if a.Systemd == "" {
			keys = append(keys, keyOf(placeOf(role, c, i), c))
		}
	}
	return keys
}

// hash is n bytes of a digest, in hexadecimal.
func hash(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:n])
}

// Own are the sockets of the service that are relay's own, by their keys. They stay the
// service's.
func (s *Service) Own() []systemd.Socket {
	var all []systemd.Socket
	for _, so := range s.sockets {
		if so.key != "" {
			all = append(all, systemd.Socket{Name: so.key, FD: so.fd})
		}
	}
	return all
}

// Keep says of which sockets, by their keys, somebody else has a duplicate and goes on
// with it: when they are closed here, who waits in their backlog is left to him.
func (s *Service) Keep(has func(key string) bool) {
	for _, so := range s.sockets {
		if so.key != "" {
			so.kept.Store(has(so.key))
		}
	}
}

// Kept reports that new clients of this service wait for somebody else once it has
// stopped.
func (s *Service) Kept() bool {
	for _, so := range s.sockets {
		if so.kept.Load() {
			return true
		}
	}
	return false
}
