package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zone is a name server whose records a test changes.
type zone struct {
	t  *testing.T
	at netip.AddrPort

	mu      sync.Mutex
	records []string // in the words of a zone file
	rcode   int
	asked   map[string]int
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	packets, streams := twin(t)
	z := &zone{t: t, at: netip.MustParseAddrPort(packets.LocalAddr().String()), records: records, asked: map[string]int{}}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: z}, {Listener: streams, Handler: z}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go s.ActivateAndServe()
		<-ready
		t.Cleanup(func() { s.Shutdown() })
	}
	return z
}

// twin is a port of which both kinds are free.
func twin(t *testing.T) (packets net.PacketConn, streams net.Listener) {
	t.Helper()
	for {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, streams
		}
		packets.Close()
	}
}

func (z *zone) set(records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = records
}

// answer has every answer say this.
func (z *zone) answer(rcode int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rcode = rcode
}

// askedAgain waits until a name was looked up n more times.
func (z *zone) askedAgain(n int, name string) {
	count := func() int {
		z.mu.Lock()
		defer z.mu.Unlock()
		return z.asked[name]
	}
	until := count() + 2*n // A and AAAA
	eventually(z.t, name+" is asked for again", func() bool { return count() >= until })
}

// ServeDNS answers like a resolver, aliases included; what does not fit into a packet is
// truncated.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked[q.Question[0].Name]++
	reply := new(dns.Msg).SetReply(q)
	reply.Rcode = z.rcode
	name := q.Question[0].Name
	for range 3 {
		for _, text := range z.records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			alias, isAlias := rr.(*dns.CNAME)
			switch {
			case !strings.EqualFold(rr.Header().Name, name):
			case isAlias:
				reply.Answer = append(reply.Answer, rr)
				name = alias.Target
			case rr.Header().Rrtype == q.Question[0].Qtype:
				reply.Answer = append(reply.Answer, rr)
			}
		}
		if name == q.Question[0].Name || len(reply.Answer) > 1 {
			break
		}
	}
	if w.LocalAddr().Network() == "udp" {
		reply.Truncate(ednsBytes)
	}
	w.WriteMsg(reply)
}

// find asks once for a host on port 80, or with port 0 for SRV records.
func (z *zone) find(t *testing.T, l *lookup) (string, time.Duration) {
	t.Helper()
	all, ttl, err := l.find(context.Background())
	if err != nil {
		return "error", ttl
	}
	var words []string
	for _, f := range all {
		word := f.at.String()
		if l.port == 0 {
			word += fmt.Sprintf("/%d/%d", f.weight, f.rank)
		}
		words = append(words, word)
	}
	return strings.Join(words, " "), ttl
}

func (z *zone) lookup(name string, port uint16) *lookup {
	return newLookup(newResolver(z.at), name, port)
}
