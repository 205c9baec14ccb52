//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"relay/test/harness"
)

// serve starts a server and returns when it listens on all these addresses
// ("host:port" or "unix:/path"). It looks into /proc rather than connect: some servers
// serve one connection and end.
func (p *process) serve(t testing.TB, addresses ...string) *process {
	t.Helper()
	p.start(t)
	const slow = 3 // a program that makes directories waits for a disk that other tests fill
	harness.EventuallyWithin(t, slow*harness.Patience, fmt.Sprint(p.name, " listens on ", addresses), func() (bool, any) {
		select {
		case <-p.ended:
			t.Fatalf("%s ended instead of serving", p.name)
		default:
		}
		for _, a := range addresses {
			if !listening(a) {
				return false, a
			}
		}
		return true, nil
	})
	return p
}

// listening reports that somebody listens on an address.
func listening(address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		// Num RefCount Protocol Flags Type St Inode Path; the flag is __SO_ACCEPTCON.
		return inTable("/proc/net/unix", func(f []string) bool {
			return len(f) == 8 && f[3] == "00010000" && f[7] == path
		})
	}
	match := func(f []string) bool { // sl local_address rem_address st …; 0A is LISTEN
		return len(f) > 3 && f[3] == "0A" && strings.HasSuffix(f[1], hexPort(address))
	}
	return inTable("/proc/net/tcp", match) || inTable("/proc/net/tcp6", match)
}

// hexPort is the end of an address as the tables in /proc write it.
func hexPort(address string) string {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return fmt.Sprintf(":%04X", n)
}

// inTable reports that one row of a table in /proc matches.
func inTable(file string, match func(fields []string) bool) bool {
	text, _ := os.ReadFile(file) // no IPv6, no tcp6: nobody listens there
	for line := range strings.Lines(string(text)) {
		if match(strings.Fields(line)) {
			return true
		}
	}
	return false
}

// freeAddress is an address of this host ("127.0.0.1" or "::1") with a port that
// nothing uses, for servers that cannot choose one themselves. It lies below the range
// from which the kernel takes ports for outgoing connections, so that none of the many
// connections here can take it before the server does.
func freeAddress(t testing.TB, host string) string {
	t.Helper()
	const low, high, tries = 12000, 32000, 100
	for range tries {
		address := net.JoinHostPort(host, strconv.Itoa(low+rand.IntN(high-low)))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatalf("no free port on %s", host)
	return ""
}

// portOf is the port of an address, as programs want it on the command line.
func portOf(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
