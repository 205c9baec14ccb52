package forward

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"relay/config"
)

// receiver is a server that takes small files, or refuses them.
type receiver struct {
	*httptest.Server
	came   chan string // contents
	ids    map[string]bool
	refuse atomic.Bool
}

func receive(t *testing.T) *receiver {
	r := &receiver{came: make(chan string), ids: map[string]bool{}}
	done := make(chan struct{})
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		content, err := io.ReadAll(q.Body)
		if err != nil || q.Method != http.MethodPut || r.refuse.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.ids[q.Header.Get("X-Relay-Transfer")] = true // who reads it has had the file before
		select {
		case r.came <- string(content):
			w.WriteHeader(http.StatusCreated)
		case <-done:
		}
	}))
	t.Cleanup(func() { close(done); r.Close() })
	return r
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func (r *receiver) wantNext(t *testing.T, content string) {
	t.Helper()
	select {
	case got := <-r.came:
		if got != content {
			t.Fatalf("%q came, want %q", got, content)
		}
	case <-time.After(patience):
		t.Fatalf("%q did not come", content)
	}
}

// started is a forwarder at work, and what it has logged; read that after Stop.
type started struct {
	*Forwarder
	log *bytes.Buffer
}

func start(t *testing.T, to *receiver, edit func(*config.Forward)) *started {
	fc := config.Forward{
		To: to.URL + "/in/", Parallel: 1, Retry: time.Second, GiveUpAfter: time.Hour, After: config.AfterDelete, Digest: config.DigestNone,
	}
	if edit != nil {
		edit(&fc)
	}
	return startWith(t, config.Drop{Service: config.Service{Name: "out"}, Directory: t.TempDir(), Watch: config.Watch{Rescan: time.Hour}, Forwards: []config.Forward{fc}})
}

func startWith(t *testing.T, c config.Drop) *started {
	s := &started{log: &bytes.Buffer{}}
	s.Forwarder = New(c, zerolog.New(zerolog.SyncWriter(s.log)))
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// again stops it, and starts another on the same directory.
func (s *started) again(t *testing.T) *started {
	s.Stop()
	return startWith(t, s.config)
}

// plant puts a file whole, with a time that all have.
func (s *started) plant(t *testing.T, name, content string) {
	t.Helper()
	path, temporary := filepath.Join(s.config.Directory, name), filepath.Join(s.config.Directory, ".relay-new")
	at := time.Unix(1700000000, 0)
	err := os.WriteFile(temporary, []byte(content), 0o600)
	if err == nil {
		err = os.Chtimes(temporary, at, at)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Arrived(name)
}

// wantGone waits until the forwarder has put a file away and is through with it.
func (s *started) wantGone(t *testing.T, name string) {
	t.Helper()
	s.until(t, name+" is put away", func() bool {
		_, err := os.Lstat(filepath.Join(s.config.Directory, name))
		return os.IsNotExist(err) && s.files[name] == nil
	})
}

// until waits until the owner finds that something is so.
func (s *started) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		is := false
		if err := s.ask(func() { is = so() }); err == nil && is {
			return
		}
	}
	t.Fatalf("not so after %v: %s", patience, what)
}
