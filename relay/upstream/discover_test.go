package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rs/zerolog"

	"relay/config"
)

func TestAddressesOfAHost(t *testing.T) {
	z := newZone(t,
		"app.example. 30 IN A 10.0.0.2", "app.example. 20 IN A 10.0.0.1", "app.example. 60 IN AAAA fd00::1",
		"odd.example. 30 IN A 0.0.0.0", "odd.example. 0 IN A 10.0.0.9",
		"www.example. 7 IN CNAME web.example.", "web.example. 60 IN A 10.0.0.3")
	for _, tc := range []struct {
		name, want string
		ttl        time.Duration
	}{
		{"app.example", "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80", 20 * time.Second},
		{"odd.example", "10.0.0.9:80", time.Second},
		{"www.example", "10.0.0.3:80", 7 * time.Second},
		{"none.example", "", emptyMax},
	} {
		if got, ttl := z.find(t, z.lookup(tc.name, 80)); got != tc.want || ttl != tc.ttl {
			t.Errorf("%s: %q for %v, want %q for %v", tc.name, got, ttl, tc.want, tc.ttl)
		}
	}
}

func TestServices(t *testing.T) {
	z := newZone(t,
		"_web._tcp.example. 60 IN SRV 10 60000 8080 a.example.",
		"_web._tcp.example. 60 IN SRV 10 30000 8081 b.example.",
		"_web._tcp.example. 60 IN SRV 20 0 8082 a.example.",
		"_web._tcp.example. 60 IN SRV 0 0 80 .",
		"a.example. 30 IN A 10.0.0.1", "b.example. 30 IN A 10.0.0.2", "b.example. 30 IN A 10.0.0.3")
	got, ttl := z.find(t, z.lookup("_web._tcp.example", 0))
	if want := "10.0.0.1:8080/256/10 10.0.0.2:8081/128/10 10.0.0.3:8081/128/10 10.0.0.1:8082/1/20"; got != want || ttl != 30*time.Second {
		t.Errorf("%s for %v, want %s for 30s", got, ttl, want)
	}
}

func TestAnswersThatNeedTCP(t *testing.T) {
	var records []string
	for i := range 300 {
		records = append(records, fmt.Sprintf("app.example. 30 IN A 10.0.%d.%d", i/100, i%100+1))
	}
	z := newZone(t, records...)
	got, _ := z.find(t, z.lookup("app.example", 80))
	if n := len(strings.Fields(got)); n != 300 {
		t.Errorf("%d addresses, want 300", n)
	}
}

func TestBadAnswersAreNoAnswers(t *testing.T) {
	z := newZone(t, "app.example. 30 IN A 10.0.0.1")
	l := z.lookup("app.example", 80)
	for _, rcode := range []int{dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeFormatError} {
		z.answer(rcode)
		if got, _ := z.find(t, l); got != "error" {
			t.Errorf("%s: %q", dns.RcodeToString[rcode], got)
		}
	}
	z.answer(dns.RcodeNameError)
	z.set()
	if got, _ := z.find(t, l); got != "" {
		t.Errorf("no such name: %q, want an empty answer", got)
	}
	if got, _ := z.find(t, newLookup(&resolver{conf: "/nonexistent"}, "app.example", 80)); got != "error" {
		t.Errorf("no resolv.conf: %q", got)
	}
}

// Noise from a name server is an error and nothing else.
func TestNoiseIsNoAnswer(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo(b[:n/2], from)
		}
	}()
	l := newLookup(newResolver(netip.MustParseAddrPort(c.LocalAddr().String())), "app.example", 80)
	if all, _, err := l.find(context.Background()); err == nil {
		t.Errorf("%v", all)
	}
}

func TestSystemResolver(t *testing.T) {
	z := newZone(t, "app.corp.example. 30 IN A 10.0.0.1")
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	hosts := filepath.Join(t.TempDir(), "hosts")
	// resolv.conf has no ports; the address is one that no other run of this test has.
	server := netip.AddrFrom4([4]byte{127, 77, byte(os.Getpid() >> 8), byte(os.Getpid())})
	c, err := net.ListenPacket("udp", netip.AddrPortFrom(server, 53).String())
	if errors.Is(err, os.ErrPermission) {
		t.Skip("port 53 needs root")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: c, Handler: z}
	go s.ActivateAndServe()
	defer s.Shutdown()
	for file, text := range map[string]string{
		conf:  "nameserver " + server.String() + "\nsearch corp.example\n",
		hosts: "# local\n10.9.9.9 Printer printer.corp # here\nfd00::9\tprinter\nbad printer\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &resolver{conf: conf, hosts: hosts}
	if got, _ := z.find(t, newLookup(r, "app", 80)); got != "10.0.0.1:80" {
		t.Errorf("by the search list: %q", got)
	}
	if got, _ := z.find(t, newLookup(r, "printer", 80)); got != "10.9.9.9:80 [fd00::9]:80" {
		t.Errorf("by the hosts file: %q", got)
	}
}

// discovering is an upstream that looks up app.example, and b.example at weight 2.
func discovering(t *testing.T, z *zone, onEmpty config.OnEmpty) *Upstream {
	t.Helper()
	host := func(name string) config.Address {
		return config.Address{Host: name, TCP: netip.AddrPortFrom(netip.Addr{}, 80)}
	}
	u, err := New(config.Upstream{
		Name: "web", Resolver: config.Address{TCP: z.at}, OnEmpty: onEmpty,
		Backends: []config.Backend{{Address: host("app.example"), Weight: 1}, {Address: host("b.example"), Weight: 2}},
	}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	u.Start()
	t.Cleanup(u.Stop)
	return u
}

func namesOf(u *Upstream) []string {
	var all []string
	for _, b := range u.Backends() {
		all = append(all, fmt.Sprintf("%s*%d", b.Name, b.View().Weight))
	}
	return all
}

func wantNames(t *testing.T, u *Upstream, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprint("the backends are ", want), func() bool { return slices.Equal(namesOf(u), want) })
}

// The backends follow the records; who leaves them keeps its sessions, and a name that
// is answered no more keeps its backends.
func TestBackendsFollowTheDNS(t *testing.T) {
	z := newZone(t, "app.example. 0 IN A 10.0.0.1", "app.example. 0 IN A 10.0.0.2", "b.example. 0 IN A 10.0.0.3")
	u := discovering(t, z, config.KeepBackends)
	if got := namesOf(u); !slices.Equal(got, []string{"10.0.0.1:80*1", "10.0.0.2:80*1", "10.0.0.3:80*2"}) {
		t.Fatalf("after Start: %v", got)
	}
	held := u.Find("10.0.0.1:80")
	stays := u.Find("10.0.0.2:80")
	if b, err := u.Pick(Key{}, []*Backend{stays, u.Find("10.0.0.3:80")}); b != held {
		t.Fatal(b, err)
	}
	z.set("app.example. 0 IN A 10.0.0.2", "app.example. 0 IN A 10.0.0.9", "b.example. 0 IN A 10.0.0.3")
	wantNames(t, u, "10.0.0.2:80*1", "10.0.0.9:80*1", "10.0.0.3:80*2")
	if u.Find("10.0.0.2:80") != stays || held.Load() != 1 {
		t.Error("what stays is not what it was")
	}
	held.Leave()
	z.answer(dns.RcodeServerFailure)
	z.askedAgain(2, "app.example.")
	wantNames(t, u, "10.0.0.2:80*1", "10.0.0.9:80*1", "10.0.0.3:80*2")
}

func TestOnEmpty(t *testing.T) {
	for onEmpty, want := range map[config.OnEmpty][]string{
		config.KeepBackends:  {"10.0.0.1:80*1", "10.0.0.4:80*2"},
		config.ClearBackends: {"10.0.0.4:80*2"},
	} {
		z := newZone(t, "app.example. 0 IN A 10.0.0.1", "b.example. 0 IN A 10.0.0.3")
		u := discovering(t, z, onEmpty)
		z.set("b.example. 0 IN A 10.0.0.4")
		z.askedAgain(1, "app.example.")
		z.askedAgain(2, "b.example.")
		wantNames(t, u, want...)
	}
}

func TestPrioritiesAreTiers(t *testing.T) {
	z := newZone(t, "_web._tcp.example. 60 IN SRV 1 1 80 a.example.", "_web._tcp.example. 60 IN SRV 2 1 80 b.example.",
		"a.example. 60 IN A 10.0.0.1", "b.example. 60 IN A 10.0.0.2")
	u, err := New(config.Upstream{Name: "web", Discover: "_web._tcp.example", Resolver: config.Address{TCP: z.at}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	u.Start()
	defer u.Stop()
	for range 3 {
		if b, err := u.Pick(Key{}, nil); err != nil || b.Name != "10.0.0.1:80" {
			t.Fatal(b, err)
		}
	}
	u.SetDrained(u.Find("10.0.0.1:80"), true)
	if b, err := u.Pick(Key{}, nil); err != nil || b.Name != "10.0.0.2:80" {
		t.Error(b, err)
	}
}
