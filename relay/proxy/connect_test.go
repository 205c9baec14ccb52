package proxy

import (
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/sock"
)

// A backend that cannot be reached is passed over, whatever the error is.
func TestConnectGoesToTheNextBackend(t *testing.T) {
	for name, bad := range map[string]func(*testing.T) config.Backend{
		"refused": refusing, "no such socket": missing, "filtered": filtered,
	} {
		t.Run(name, func(t *testing.T) {
			s := shape{edit: func(_ *config.Listener, u *config.Upstream) {
				u.ConnectTimeout = 200 * time.Millisecond
				u.Backends = append([]config.Backend{bad(t)}, u.Backends...)
			}}
			r, p := s.begin(t)
			p.ping(t)
			closeWrite(t, p.client)
			closeWrite(t, p.backend)
			if l := r.wantReason(1, Complete); l.Retries != 1 || l.Backend != r.listener.Target.Upstream.Backends()[1].Name {
				t.Errorf("the access log says %+v", l)
			}
		})
	}
}

// Nobody can be reached: the client is reset, and the log says why the last one could not.
func TestConnectFails(t *testing.T) {
	for name, c := range map[string]struct {
		backend func(*testing.T) config.Backend
		want    string
	}{
		"refused":        {refusing, "connection refused"},
		"no such socket": {missing, "no such file or directory"},
		"filtered":       {filtered, "connection timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shape{backends: []config.Backend{c.backend(t)}, edit: func(_ *config.Listener, u *config.Upstream) {
				u.ConnectTimeout = 200 * time.Millisecond
			}}
			r := s.start(t)
			r.wantTurnedAway()
			if l := r.wantReason(1, ConnectFailed); l.Error != c.want {
				t.Errorf("the error is %q in the log, want %q", l.Error, c.want)
			}
			for _, l := range r.journal.of("connect failed") {
				if l.Error != c.want {
					t.Errorf("the attempt failed with %q in the log, want %q", l.Error, c.want)
				}
			}
		})
	}
}

// connect_retries bounds the attempts: one, and so many more.
func TestConnectRetries(t *testing.T) {
	for _, retries := range []int{0, 1, 2, 9} {
		s := shape{edit: func(_ *config.Listener, u *config.Upstream) {
			u.ConnectRetries = retries
			u.Backends = []config.Backend{refusing(t), refusing(t), refusing(t)}
		}}
		r := s.start(t)
		r.wantTurnedAway()
		l := r.wantReason(1, ConnectFailed)
		attempts := min(1+retries, 3)
		if n := len(r.journal.of("connect failed")); n != attempts {
			t.Errorf("%d attempts with %d retries and three backends, want %d", n, retries, attempts)
		}
		if l.Retries != attempts-1 {
			t.Errorf("after %d attempts the access log speaks of %d retries", attempts, l.Retries)
		}
	}
}

func TestNoBackendTakesTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*config.Backend)
		want Reason
		at   int // which session is refused
	}{
		"no weight":    {func(b *config.Backend) { b.Weight = 0 }, NoBackend, 1},
		"sessions_max": {func(b *config.Backend) { b.SessionsMax = 1 }, BackendFull, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := shape{edit: func(_ *config.Listener, u *config.Upstream) { c.edit(&u.Backends[0]) }}
			r := s.start(t)
			if c.at == 2 {
				r.session(s).ping(t)
			}
			r.wantTurnedAway()
			r.wantReason(1, c.want)
		})
	}
}

// A client that resets while its backend is being called is not connected to anybody.
func TestClientResetsWhileConnecting(t *testing.T) {
	r := shape{backends: []config.Backend{filtered(t)}}.start(t)
	c := r.dial(false)
	r.awaitState(connecting)
	reset(c)
	r.wantReason(1, ClientReset)
}

// Its FIN is no reason to give up: the request is complete, and the answer is wanted.
func TestClientFinishesWhileConnecting(t *testing.T) {
	for name, isUnix := range map[string]bool{"tcp": false, "unix": true} {
		t.Run(name, func(t *testing.T) {
			s := shape{unixClient: isUnix, edit: func(_ *config.Listener, u *config.Upstream) {
				u.ConnectTimeout = 150 * time.Millisecond
				u.Backends = append([]config.Backend{filtered(t)}, u.Backends...)
			}}
			r := s.start(t)
			c := r.dial(false)
			write(t, c, []byte("request"))
			closeWrite(t, c)
			r.awaitState(connecting)
			b := r.accept(0)
			wantEnd(t, b, []byte("request"))
			write(t, b, []byte("answer"))
			b.Close()
			wantEnd(t, c, []byte("answer"))
			r.wantReason(1, Complete)
		})
	}
}

// A connecting session cannot be moved; it is finished like any other.
func TestConnectingSessionIsFinished(t *testing.T) {
	r := shape{backends: []config.Backend{filtered(t)}}.start(t)
	c := r.dial(false)
	r.awaitState(connecting)
	r.only(func(s *Session) {
		if _, ok := r.workers[0].sessions.Quiesce(s); ok {
			t.Error("a connecting session was quiesced")
		}
	})
	r.on(0, func() { r.workers[0].sessions.FinishAll(DrainTimeout) })
	wantReset(t, c, nil)
	r.wantReason(1, DrainTimeout)
}

// wantTurnedAway checks that a client gets a reset, which may come before its connect has
// returned.
func (r *rig) wantTurnedAway() {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, unix.ECONNRESET) {
		r.t.Errorf("the client saw %v, want a reset", err)
	}
}

// awaitState waits until the one session of the rig is there and in this state.
func (r *rig) awaitState(want state) {
	r.t.Helper()
	eventually(r.t, "the session is in the state", func() (yes bool) {
		r.on(0, func() {
			s := r.workers[0].sessions.newest
			yes = s != nil && s.state == want
		})
		return yes
	})
}

// refusing is a backend whose port nobody listens on, and nobody else can get.
func refusing(t *testing.T) config.Backend {
	t.Helper()
	fd := bound(t)
	return backendAt(fd)
}

// filtered is a backend that never answers: its backlog is full.
func filtered(t *testing.T) config.Backend {
	t.Helper()
	fd := bound(t)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at := sock.LocalAddress(fd)
	for range 4 {
		c, errno := sock.Dial(&at)
		if errno != 0 && errno != unix.EINPROGRESS {
			t.Fatal(errno)
		}
		t.Cleanup(func() { sock.Close(c) })
	}
	return backendAt(fd)
}

// missing is a unix socket that is not there.
func missing(t *testing.T) config.Backend {
	return config.Backend{Address: config.Address{Unix: filepath.Join(t.TempDir(), "nobody")}, Weight: 1}
}

func bound(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func backendAt(fd int) config.Backend {
	at := sock.LocalAddress(fd)
	ap := at.AddrPort()
	return config.Backend{Address: config.Address{TCP: netip.AddrPortFrom(ap.Addr(), ap.Port())}, Weight: 1}
}
