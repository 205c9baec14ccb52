package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// askTimeout is how long one name server may take for one question.
	askTimeout = 2 * time.Second
	// ednsBytes is the size of answers over UDP that no path fragments (DNS flag day
	// 2020); longer ones are asked for over TCP.
	ednsBytes = 1232

	ttlMin, ttlMax = time.Second, time.Hour
	// emptyMax bounds the time for which "there is none" is believed.
	emptyMax = 10 * time.Second
)

// resolver asks name servers. It is not net.Resolver, which does not tell for how long
// an answer holds, nor a failure from the answer that there is nothing.
type resolver struct {
	server string // "address:port"; "" = the system's
	conf   string // resolv.conf
	hosts  string // hosts file; "" = none
}

func newResolver(server netip.AddrPort) *resolver {
	if server.IsValid() {
		return &resolver{server: server.String()}
	}
	return &resolver{conf: "/etc/resolv.conf", hosts: "/etc/hosts"}
}

// records are the answer to a question: none at all is an answer, too.
type records struct {
	answer []dns.RR
	extra  []dns.RR
	ttl    time.Duration
}

// ask asks the servers one after the other, for every name that the search list makes of
// this one, until one has records.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (records, error) {
	names, servers := []string{dns.Fqdn(name)}, []string{r.server}
	if r.server == "" {
		c, err := dns.ClientConfigFromFile(r.conf)
		if err != nil {
			return records{}, fmt.Errorf("%s: %w", r.conf, err)
		}
		names, servers = c.NameList(name), nil
		for _, s := range c.Servers {
			servers = append(servers, net.JoinHostPort(s, c.Port))
		}
	}
	var found records
	err := errors.New("no name server to ask")
	for _, name := range names {
		for _, server := range servers {
			if found, err = exchange(ctx, server, name, kind); err == nil {
				break
			}
		}
		if err != nil || len(found.answer) > 0 {
			break
		}
	}
	return found, err
}

// exchange puts one question to one server, over UDP and, if the answer does not fit,
// over TCP.
func exchange(ctx context.Context, server, name string, kind uint16) (records, error) {
	question := new(dns.Msg).SetQuestion(name, kind)
	question.SetEdns0(ednsBytes, false)
	client := dns.Client{Timeout: askTimeout, UDPSize: ednsBytes}
	reply, _, err := client.ExchangeContext(ctx, question, server)
	if err == nil && reply.Truncated {
		client.Net = "tcp"
		reply, _, err = client.ExchangeContext(ctx, question, server)
	}
	switch {
	case err != nil:
		return records{}, fmt.Errorf("%s: %w", server, err)
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return records{}, fmt.Errorf("%s answers %s", server, dns.RcodeToString[reply.Rcode])
	case len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, name) || reply.Question[0].Qtype != kind:
		return records{}, fmt.Errorf("%s answers another question", server)
	}
	return chosen(reply, name, kind), nil
}

// chosen are the records of this kind under the name, or under the one that it is an
// alias of.
func chosen(reply *dns.Msg, name string, kind uint16) records {
	found := records{ttl: ttlMax, extra: reply.Extra}
	keep := func(rr dns.RR) {
		found.ttl = min(found.ttl, time.Duration(rr.Header().Ttl)*time.Second)
	}
	for range reply.Answer { // an alias of an alias may stand before it
		alias := name
		for _, rr := range reply.Answer {
			if c, ok := rr.(*dns.CNAME); ok && strings.EqualFold(c.Hdr.Name, name) {
				alias = c.Target
				keep(rr)
			}
		}
		if alias == name {
			break
		}
		name = alias
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == kind && strings.EqualFold(rr.Header().Name, name) {
			found.answer = append(found.answer, rr)
			keep(rr)
		}
	}
	if len(found.answer) == 0 {
		found.ttl = emptyMax
		for _, rr := range reply.Ns {
			if soa, ok := rr.(*dns.SOA); ok { // RFC 2308, section 5
				found.ttl = min(found.ttl, time.Duration(min(soa.Minttl, soa.Hdr.Ttl))*time.Second)
			}
		}
	}
	found.ttl = max(found.ttl, ttlMin)
	return found
}

// addressOf is the address in an A or AAAA record that a backend could have.
func addressOf(rr dns.RR) (ip netip.Addr, ok bool) {
	switch rr := rr.(type) {
	case *dns.A:
		ip, ok = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		ip, ok = netip.AddrFromSlice(rr.AAAA)
	}
	ip = ip.Unmap()
	return ip, ok && !ip.IsUnspecified() && !ip.IsMulticast()
}
