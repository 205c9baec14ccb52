package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"relay/test/harness"
	"relay/test/peer"
)

// spliceModes are the values of the key; every rule about bytes holds for each.
var spliceModes = []string{"auto", "always", "never"}

// setup says what a rig is made of. Zero fields get the usual: TCP over IPv4 on
// both sides, one backend, the program's own defaults.
type setup struct {
	splice   string
	listen   string // "127.0.0.1:0", "[::1]:0" or "unix"
	backends []string
	edit     func(*harness.Config)
	options  harness.Options
}

// rig is a running relay between clients and backends that the test plays.
type rig struct {
	*harness.Relay
	servers []*peer.Server
	inside  *harness.Namespace // where it runs, if not in the test's own network

	mu     sync.Mutex
	conns  []*peer.Conn
	closed bool // the test is over: what is adopted now is closed at once
}

// start runs the program with the rig's backends and waits until it is ready.
func (s setup) start(t testing.TB) *rig {
	t.Helper()
	if len(s.backends) == 0 {
		s.backends = []string{"127.0.0.1:0"}
	}
	r := &rig{}
	var addresses []string
	for _, b := range s.backends {
		server := listen(t, b)
		r.servers = append(r.servers, server)
		addresses = append(addresses, server.Address)
	}
	c := harness.Proxy(addresses...)
	if s.splice != "" {
		c.Engine["splice"] = s.splice
	}
	if s.listen != "" {
		c.Listener()["listen"] = []string{place(t, s.listen)}
	}
	if s.edit != nil {
		s.edit(c)
	}
	r.Relay = harness.Start(t, c, s.options)
	t.Cleanup(r.closeConns)
	return r
}

// listen makes a server that lives as long as the test.
func listen(t testing.TB, address string) *peer.Server {
	t.Helper()
	server, err := peer.Listen(place(t, address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// serve is listen with a function for every connection.
func serve(t testing.TB, address string, f func(*peer.Conn)) *peer.Server {
	t.Helper()
	server, err := peer.Serve(place(t, address), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// place is the address, with a path of its own if it is "unix".
func place(t testing.TB, address string) string {
	if address != "unix" {
		return address
	}
	return "unix:" + filepath.Join(harness.Directory(t), "s")
}

// pair is one session: its client and its backend.
type pair struct {
	client, backend *peer.Conn
}

// open makes a session through the listener "web" to the first backend.
func (r *rig) open(t testing.TB) pair {
	t.Helper()
	return r.openFrom(t, "")
}

// openFrom is open from a local address, "" for any.
func (r *rig) openFrom(t testing.TB, local string) pair {
	t.Helper()
	r.mu.Lock() // the next connection of the backend must be this client's
	defer r.mu.Unlock()
	client, err := peer.DialFrom(local, r.Address(t, "web"))
	if err != nil {
		t.Fatal(err)
	}
	r.conns = append(r.conns, client)
	backend, err := r.servers[0].Accept(harness.Patience)
	if err != nil {
		t.Fatal(err)
	}
	r.conns = append(r.conns, backend)
	return pair{client, backend}
}

// dial makes a client that nobody may be ready to serve.
func (r *rig) dial(t testing.TB) *peer.Conn {
	t.Helper()
	return r.dialFrom(t, "", r.Address(t, "web"))
}

// dialFrom is dial from a local address, "" for any, to any address of the rig.
func (r *rig) dialFrom(t testing.TB, local, address string) *peer.Conn {
	t.Helper()
	c, err := peer.DialFrom(local, address)
	if err != nil {
		t.Fatal(err)
	}
	r.adopt(c)
	return c
}

// accept is the next connection of the i-th backend.
func (r *rig) accept(t testing.TB, i int) *peer.Conn {
	t.Helper()
	c, err := r.servers[i].Accept(harness.Patience)
	if err != nil {
		t.Fatalf("%v; the log ends with:\n%s", err, r.Journal.Tail(10))
	}
	r.adopt(c)
	return c
}

// adopt has a connection closed at the end of the test. A goroutine of the test may
// come with one when that has passed.
func (r *rig) adopt(c *peer.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return
	}
	r.conns = append(r.conns, c)
}

func (r *rig) closeConns() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.conns {
		c.Close()
	}
	for _, s := range r.servers {
		s.CloseConns()
	}
}

// flipped is the same session seen from the other side, for tests of both.
func (p pair) flipped() pair { return pair{p.backend, p.client} }

// bySide runs a test twice: once with the client in the first role, once with the
// backend.
func bySide(t *testing.T, f func(t *testing.T, side string, turn func(pair) pair)) {
	t.Helper()
	t.Run("client", func(t *testing.T) { f(t, "client", func(p pair) pair { return p }) })
	t.Run("backend", func(t *testing.T) { f(t, "backend", pair.flipped) })
}

// ping sends a few bytes each way and checks them: the session lives.
func (p pair) ping(t testing.TB) {
	t.Helper()
	if err := p.tryPing(); err != nil {
		t.Fatal(err)
	}
}

func (p pair) tryPing() error {
	for _, way := range []struct{ from, to *peer.Conn }{{p.client, p.backend}, {p.backend, p.client}} {
		if _, err := way.from.Write([]byte("ping")); err != nil {
			return fmt.Errorf("ping: %w", err)
		}
		var got [4]byte
		if _, err := readFull(way.to, got[:]); err != nil || string(got[:]) != "ping" {
			return fmt.Errorf("ping arrived as %q, %v", got, err)
		}
	}
	return nil
}

// readFull fills b.
func readFull(c *peer.Conn, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m, err := c.Read(b[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// carry moves a flow each way at once, ends each by FIN, and checks that both
// arrived whole.
func (p pair) carry(up, down *peer.Flow) error {
	var all sync.WaitGroup
	errs := make([]error, 4)
	try := func(i int, what string, f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				errs[i] = fmt.Errorf("%s: %w", what, err)
			}
		})
	}
	send := func(f *peer.Flow, c *peer.Conn) func() error {
		return func() error {
			if err := f.Send(c); err != nil {
				return err
			}
			return c.CloseWrite()
		}
	}
	try(0, "client sends", send(up, p.client))
	try(1, "backend receives", func() error { return up.ReceiveAll(p.backend) })
	try(2, "backend sends", send(down, p.backend))
	try(3, "client receives", func() error { return down.ReceiveAll(p.client) })
	all.Wait()
	return join(errs)
}

// join is the errors that are there, on one line each, or nil.
func join(errs []error) error {
	var text []string
	for _, err := range errs {
		if err != nil {
			text = append(text, err.Error())
		}
	}
	if text == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(text, "\n"))
}

// bulk is a flow of n bytes in chunks of all sizes.
func bulk(seed uint64, n int64) *peer.Flow {
	return peer.NewFlow(seed, peer.Stage{Bytes: n, Min: 1, Max: 1 << 20})
}
