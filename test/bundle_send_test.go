package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/relay/drop/bundle"
	"relay/test/harness"
)

// `relay send` with bundles, to relays and to others.

// Files whose answers were lost with those of their bundles are sent again, and are there
// once.
func TestSendLosesAnswersToBundles(t *testing.T) {
	t.Parallel()
	r := startDrop(t, conflicting("keep_both"))
	b := newBreaker(t, r.Address(t, "files"), 2)
	from := filepath.Join(t.TempDir(), "from")
	for i := range 400 {
		plantFile(t, filepath.Join(from, fmt.Sprintf("f%03d", i)), bytesOf(uint64(i), i*7), 0o644, time.Unix(int64(i), 0))
	}
	o := harness.Run(t, "send", "-rf", "-j2", stateFlag(t), from+"/", "http://"+b.Address+"/")
	if o.Code != 0 || b.left.Load() >= 0 {
		t.Errorf("exit code %d, %d answers were still to be lost\n%s", o.Code, b.left.Load(), o.Stderr)
	}
	sameTree(t, r.dir, from)
	for i := range 400 {
		wantArrivedOnce(t, r.Relay, fmt.Sprintf("f%03d", i))
	}
}

// bundleServer says that it takes bundles, and is another program than relay.
type bundleServer struct {
	address string
	mu      sync.Mutex
	got     map[string]string
	puts    int
	bundles int
}

// startBundleServer answers a bundle as post does, under its lock.
func startBundleServer(t *testing.T, post func(s *bundleServer, w http.ResponseWriter, body []byte)) *bundleServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &bundleServer{address: "http://" + l.Addr().String() + "/", got: map[string]string{}}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Accept-Post", bundle.Type)
		switch q.Method {
		case http.MethodPut:
			s.puts++
			s.got[q.URL.Path] = string(body)
			w.WriteHeader(http.StatusCreated)
		case http.MethodPost:
			s.bundles++
			post(s, w, body)
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})}
	go func() { _ = h.Serve(l) }()
	t.Cleanup(func() { h.Close() })
	return s
}

// sendMany sends so many small files, which must all arrive, and returns what was said.
func (s *bundleServer) sendMany(t *testing.T, files int) string {
	t.Helper()
	from := t.TempDir()
	for i := range files {
		plantFile(t, filepath.Join(from, fmt.Sprintf("f%04d", i)), fmt.Append(nil, i), 0o644, time.Unix(7, 0))
	}
	o := harness.Run(t, "send", "-rf", "-j1", stateFlag(t), from+"/", s.address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := fmt.Sprint(files - 1); o.Code != 0 || len(s.got) != files || s.got["/f"+fmt.Sprintf("%04d", files-1)] != last {
		t.Errorf("exit code %d, %d files of %d\n%s", o.Code, len(s.got), files, o.Stderr)
	}
	return o.Stderr
}

// A server that says it takes bundles, and does not, gets the files one by one; what it says
// of a bundle is told.
func TestSendToWhoRefusesBundles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		most int // bundles
		says string
		post func(*bundleServer, http.ResponseWriter, []byte)
	}{
		{"refused", 2, "415 Unsupported Media Type: no parcels", func(_ *bundleServer, w http.ResponseWriter, _ []byte) {
			http.Error(w, "415 Unsupported Media Type: no parcels", http.StatusUnsupportedMediaType)
		}},
		{"by a number alone", 2, "413 Request Entity Too Large: ", func(_ *bundleServer, w http.ResponseWriter, _ []byte) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}},
		{"not understood", 6, "has not a line for each file", func(_ *bundleServer, w http.ResponseWriter, _ []byte) {
			_, _ = io.WriteString(w, "hello")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startBundleServer(t, c.post)
			if said := s.sendMany(t, 1000); !strings.Contains(said, c.says) {
				t.Errorf("%q is not in\n%s", c.says, said)
			}
			if s.bundles == 0 || s.bundles > c.most {
				t.Errorf("%d bundles, want 1 to %d", s.bundles, c.most)
			}
		})
	}
}

// A server that has no time now gets the same bundles later, not many requests in their place.
func TestSendBundlesToWhoIsBusy(t *testing.T) {
	t.Parallel()
	s := startBundleServer(t, func(s *bundleServer, w http.ResponseWriter, body []byte) {
		if s.bundles <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		files, err := bundle.Read(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var answer []byte
		for _, f := range files {
			s.got["/"+f.Path] = string(f.Content)
			answer = bundle.AppendAnswer(answer, http.StatusCreated, "")
		}
		_, _ = w.Write(answer)
	})
	s.sendMany(t, 600)
	if s.puts > 100 {
		t.Errorf("%d files went by themselves", s.puts)
	}
}

// A file that the drop refuses is no other's fault, wherever it stands: the rest arrives.
func TestSendSomeRefused(t *testing.T) {
	t.Parallel()
	r := startDrop(t, writable)
	from := filepath.Join(t.TempDir(), "from")
	good := 0
	for i := range 600 {
		name := fmt.Sprintf("d%03d/f", i)
		if i%3 == 0 {
			name = fmt.Sprintf("d%03d/.relay-x", i)
		} else {
			good++
		}
		plantFile(t, filepath.Join(from, name), fmt.Append(nil, i), 0o644, time.Unix(7, 0))
	}
	o, m := transfer(t, "send", "-rf", "-j2", stateFlag(t), from+"/", "http://"+r.Address(t, "files")+"/in/")
	if o.Code == 0 || m.FilesFailed != 200 || len(snapshotFiles(r.dir)) != good {
		t.Errorf("exit code %d, %+v, %d files of %d are there", o.Code, m, len(snapshotFiles(r.dir)), good)
	}
}

// A server that answers, and always with an error of its own, is given up like one that is
// not there.
func TestSendGivesUpWhoAlwaysFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	from := t.TempDir()
	plantFile(t, filepath.Join(from, "a"), []byte("a"), 0o644, time.Unix(7, 0))
	plantFile(t, filepath.Join(from, "b"), []byte("b"), 0o644, time.Unix(7, 0))
	o, m := transfer(t, "send", "-rf", "--give-up-after", "500ms", stateFlag(t), from+"/", "http://"+l.Addr().String()+"/")
	if o.Code == 0 || m.FilesFailed != 2 {
		t.Errorf("exit code %d, %+v\n%s", o.Code, m, o.Stderr)
	}
}
