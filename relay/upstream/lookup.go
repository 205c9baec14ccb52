package upstream

import (
	"bufio"
	"cmp"
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"relay/config"
)

// found is a backend that the DNS names.
type found struct {
	at     netip.AddrPort
	weight int // of SRV records
	rank   int
}

// lookup finds the backends behind one name, again and again.
type lookup struct {
	*resolver
	name string
	port uint16 // 0 = it names SRV records
	last map[question][]netip.Addr
}

// question is one that was answered before.
type question struct {
	name string
	kind uint16
}

func newLookup(r *resolver, name string, port uint16) *lookup {
	return &lookup{resolver: r, name: name, port: port, last: map[question][]netip.Addr{}}
}

// find asks once. It returns the backends in a fixed order, for how long they hold, or
// why nothing is known.
func (l *lookup) find(ctx context.Context) (all []found, ttl time.Duration, err error) {
	if l.port == 0 {
		all, ttl, err = l.services(ctx)
	} else {
		var ips []netip.Addr
		ips, ttl, err = l.addresses(ctx, l.name)
		for _, ip := range ips {
			all = append(all, found{at: netip.AddrPortFrom(ip, l.port)})
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.at.Compare(b.at))
	})
	return all, ttl, err
}

// addresses are those of a host. Where one of the two questions is not answered, its
// last answer counts.
func (l *lookup) addresses(ctx context.Context, host string) (ips []netip.Addr, ttl time.Duration, err error) {
	if ips = inHosts(l.hosts, host); len(ips) > 0 {
		return ips, emptyMax, nil
	}
	ttl = ttlMax
	answered := false
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		q := question{host, kind}
		r, failure := l.ask(ctx, host, kind)
		if failure != nil {
			err, ttl = failure, min(ttl, emptyMax)
			ips = append(ips, l.last[q]...)
			continue
		}
		answered = true
		if len(r.answer) > 0 {
			ttl = min(ttl, r.ttl)
		}
		l.last[q] = addressesIn(r.answer, "")
		ips = append(ips, l.last[q]...)
	}
	if answered && (err == nil || len(ips) > 0) {
		err = nil
	}
	if len(ips) == 0 {
		ttl = min(ttl, emptyMax)
	}
	return ips, ttl, err
}

// addressesIn are the addresses in records, of one host if it is given.
func addressesIn(all []dns.RR, host string) (ips []netip.Addr) {
	for _, rr := range all {
		if ip, ok := addressOf(rr); ok && (host == "" || strings.EqualFold(rr.Header().Name, host)) {
			ips = append(ips, ip)
		}
	}
	return ips
}

// services are the backends that SRV records name (RFC 2782).
func (l *lookup) services(ctx context.Context) ([]found, time.Duration, error) {
	r, err := l.ask(ctx, l.name, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	var all []found
	heaviest := heaviestOf(r.answer)
	for _, rr := range r.answer {
		srv, ok := rr.(*dns.SRV)
		if !ok || srv.Target == "." || srv.Port == 0 { // "." = decidedly not available
			continue
		}
		ips, ttl := addressesIn(r.extra, srv.Target), r.ttl
		if len(ips) == 0 {
			if ips, ttl, err = l.addresses(ctx, strings.TrimSuffix(srv.Target, ".")); err != nil {
				return nil, 0, err
			}
		}
		r.ttl = min(r.ttl, ttl)
		for _, ip := range ips {
			all = append(all, found{netip.AddrPortFrom(ip, srv.Port), scaled(int(srv.Weight), heaviest), int(srv.Priority)})
		}
	}
	return all, r.ttl, nil
}

func heaviestOf(all []dns.RR) (most int) {
	for _, rr := range all {
		if srv, ok := rr.(*dns.SRV); ok {
			most = max(most, int(srv.Weight))
		}
	}
	return most
}

// weightMost is the greatest weight of a backend.
const weightMost = 256

// scaled turns the weight of an SRV record, up to 65535, into one of ours. Weight 0 is
// no drain there, but a very small chance.
func scaled(weight, heaviest int) int {
	if heaviest > weightMost {
		weight = (weight*weightMost + heaviest/2) / heaviest
	}
	return max(weight, 1)
}

// inHosts are the addresses of a host in a hosts file (hosts(5)).
func inHosts(file, host string) (ips []netip.Addr) {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	host = strings.TrimSuffix(host, ".")
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 || !slices.ContainsFunc(words[1:], func(w string) bool { return strings.EqualFold(w, host) }) {
			continue
		}
		if ip, err := netip.ParseAddr(words[0]); err == nil && !slices.Contains(ips, ip) {
			ips = append(ips, ip)
		}
	}
	return ips
}

// lookupsOf are the names that a configuration has looked up: host names of backends as
// they are written, and the SRV records.
func lookupsOf(c *config.Upstream) map[string]*lookup {
	r := newResolver(c.Resolver.TCP)
	all := map[string]*lookup{}
	for _, b := range c.Backends {
		if b.Address.Host != "" {
			all[b.Address.String()] = newLookup(r, b.Address.Host, b.Address.TCP.Port())
		}
	}
	if c.Discover != "" {
		all[c.Discover] = newLookup(r, c.Discover, 0)
	}
	return all
}
