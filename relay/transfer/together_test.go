package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"relay/relay/drop/bundle"
)

// bundleHost takes bundles, and remembers what came in which request.
type bundleHost struct {
	*httptest.Server
	mu     sync.Mutex
	got    map[string]string // contents, by paths
	came   []string          // "PUT /in/name" or "POST via name,name"
	answer func(path string) int
	post   func(w http.ResponseWriter) bool // answers a bundle instead
}

func startBundleHost(t *testing.T) *bundleHost {
	h := &bundleHost{got: map[string]string{}, answer: func(string) int { return http.StatusCreated }}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *bundleHost) serve(w http.ResponseWriter, q *http.Request) {
	b, _ := io.ReadAll(q.Body)
	w.Header().Set("Accept-Post", bundle.Type)
	if q.Method != http.MethodPost {
		h.note(q.Method + " " + q.URL.Path)
		h.keep(q.URL.Path, b)
		w.WriteHeader(h.answer(q.URL.Path))
		return
	}
	files, err := bundle.Read(b)
	var names []string
	var text []byte
	for _, f := range files {
		h.keep("/in/"+f.Path, f.Content)
		names = append(names, f.Path)
		text = bundle.AppendAnswer(text, h.answer(f.Path), "why")
	}
	h.note(fmt.Sprintf("POST %s %s", q.Header.Get("X-Relay-Via"), strings.Join(names, ",")))
	if err != nil || h.post != nil && h.post(w) {
		return
	}
	_, _ = w.Write(text)
}

func (h *bundleHost) note(request string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came = append(h.came, request)
}

func (h *bundleHost) keep(path string, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got[path] = string(content)
}

// requests are those that came.
func (h *bundleHost) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.came)
}

// courier is one to the host that has learned that it takes bundles, and a directory with
// small files a to f, which stand.
func (h *bundleHost) courier(t *testing.T, digest Digest) (*Courier, string, []Parcel) {
	dir := t.TempDir()
	c, err := NewCourier(context.Background(), h.URL+"/in/", IDs{}, Options{StateDir: filepath.Join(dir, "notes"), Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Rest)
	c.run.bundles.taken.Store(true)
	var parcels []Parcel
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		parcels = append(parcels, Parcel{Path: path, Name: name, Via: "here", Stands: func() bool { return true }})
	}
	return c, dir, parcels
}

func wantRequests(t *testing.T, h *bundleHost, want ...string) {
	t.Helper()
	if came := h.requests(); !slices.Equal(came, want) {
		t.Errorf("the requests were\n%s\nwant\n%s", strings.Join(came, "\n"), strings.Join(want, "\n"))
	}
}

// Small files go together, those of another way through other drops in a bundle of their own,
// and each is judged for itself.
func TestCarryTogether(t *testing.T) {
	h := startBundleHost(t)
	c, dir, parcels := h.courier(t, XXH3)
	parcels[3].Via = "there"
	parcels[4].Stands = func() bool { return false }
	if err := os.Remove(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	h.answer = func(path string) int {
		if path == "c" {
			return http.StatusConflict
		}
		return http.StatusCreated
	}
	done := c.CarryAll(parcels)
	wantRequests(t, h, "POST here a,c", "POST there d", "POST here f")
	for i, ok := range []bool{true, false, false, true, false, true} {
		if d := done[i]; (d.Err == nil) != ok || (d.Delivery != nil) != ok || d.Alone {
			t.Errorf("%s: %+v", parcels[i].Name, d)
		}
	}
	if !Vanished(done[1].Err) || !Answered(done[2].Err) || !errors.Is(done[4].Err, ErrOther) {
		t.Errorf("%v, %v, %v", done[1].Err, done[2].Err, done[4].Err)
	}
}

// What is no file for a bundle goes by itself, and so does one that came damaged.
func TestCarryBesideBundles(t *testing.T) {
	h := startBundleHost(t)
	c, dir, parcels := h.courier(t, SHA256)
	if err := os.WriteFile(filepath.Join(dir, "b"), make([]byte, bundledMost+1), 0o600); err != nil {
		t.Fatal(err)
	}
	parcels[3].Name = strings.Repeat("x/", bundle.DepthMost) + "d"
	damaged := true
	h.post = func(w http.ResponseWriter) bool {
		if slices.Contains(h.requests(), "POST here e,f") && damaged {
			damaged = false
			_, _ = io.WriteString(w, "400 the digest is another\n201\n")
			return true
		}
		return false
	}
	for i, d := range c.CarryAll(parcels) {
		if d.Err != nil || d.Delivery == nil {
			t.Errorf("%s: %+v", parcels[i].Name, d)
		}
	}
	wantRequests(t, h, "POST here a", "PUT /in/b", "POST here c", "PUT /in/"+parcels[3].Name, "POST here e,f", "PUT /in/e")
}

// Whoever refuses a bundle as one gets its files one by one from then on; who is busy, or knows
// no such token, has refused all of them; and where the connection breaks each goes by itself
// the next time.
func TestBundlesThatAreNotTaken(t *testing.T) {
	for _, c := range []struct {
		status int // 0 = the connection breaks
		puts   int
		alone  bool
		more   bool // bundles come afterwards
	}{
		{http.StatusMethodNotAllowed, 6, false, false},
		{http.StatusNotImplemented, 6, false, false},
		{http.StatusServiceUnavailable, 0, false, true},
		{http.StatusUnauthorized, 0, false, true},
		{http.StatusBadGateway, 0, true, true},
		{http.StatusTooManyRequests, 0, false, true},
		{0, 0, true, true},
	} {
		h := startBundleHost(t)
		h.post = func(w http.ResponseWriter) bool {
			if c.status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(c.status)
			return true
		}
		by, _, parcels := h.courier(t, NoSum)
		done := by.CarryAll(parcels)
		if came := h.requests(); len(came) != 1+c.puts || came[0] != "POST here a,b,c,d,e,f" || by.Together() != c.more {
			t.Errorf("%d: %q, more bundles: %v", c.status, came, by.Together())
		}
		for _, d := range done {
			if (d.Err == nil) != (c.puts > 0) || d.Alone != c.alone || Answered(d.Err) != (c.status >= 400 && c.puts == 0) {
				t.Errorf("%d: %+v", c.status, d)
			}
		}
		if denied := Denied(done[0].Err); denied != (c.status == http.StatusUnauthorized) {
			t.Errorf("%d: denied is %v", c.status, denied)
		}
	}
}

// Where nobody listens all files wait, and none is to blame.
func TestBundlesToNobody(t *testing.T) {
	h := startBundleHost(t)
	c, _, parcels := h.courier(t, NoSum)
	h.Close()
	for _, d := range c.CarryAll(parcels) {
		if d.Err == nil || d.Alone || Answered(d.Err) || Ours(d.Err) {
			t.Errorf("%+v", d)
		}
	}
}

// What goes by itself after its bundle leaves the others what they are.
func TestCarryAfterABundleCameBack(t *testing.T) {
	for answer, status := range map[string]int{"": http.StatusRequestEntityTooLarge, "400 the digest is another\n": http.StatusOK} {
		h := startBundleHost(t)
		c, dir, parcels := h.courier(t, NoSum)
		for _, p := range parcels { // each is a bundle
			if err := os.WriteFile(p.Path, bytes.Repeat([]byte(p.Name), 40<<10), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		first := true
		h.post = func(w http.ResponseWriter) bool {
			was := first
			if first = false; was {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, answer)
			}
			return was
		}
		for i, d := range c.CarryAll(parcels) {
			p := parcels[i]
			content, err := os.ReadFile(filepath.Join(dir, p.Name))
			if d.Err != nil || err != nil || h.got["/in/"+p.Name] != string(content) {
				t.Errorf("%d: %s: %v, %v, arrived %.5q", status, p.Name, d.Err, err, h.got["/in/"+p.Name])
			}
		}
	}
}

// Where connections break over bundles the files behind go by themselves after a few; when that
// finds nobody either, the rest is not tried, and is not to blame.
func TestCarryToWhoBreaks(t *testing.T) {
	for _, gone := range []bool{false, true} {
		h := startBundleHost(t)
		c, _, parcels := h.courier(t, NoSum)
		for i := range parcels {
			parcels[i].Via = fmt.Sprint(i) // each is a bundle
		}
		h.post = func(http.ResponseWriter) bool {
			if gone && len(h.requests()) == breaksMost {
				_ = h.Listener.Close()
			}
			panic(http.ErrAbortHandler)
		}
		for i, d := range c.CarryAll(parcels) {
			if broke := i < breaksMost; (broke || gone) != Absent(d.Err) || d.Alone != broke {
				t.Errorf("gone: %v: %d: %+v", gone, i, d)
			}
		}
		want := []string{"POST 0 a", "POST 1 b", "POST 2 c"}
		if !gone {
			want = append(want, "PUT /in/d", "PUT /in/e", "PUT /in/f")
		}
		wantRequests(t, h, want...)
		if c.Refused() == nil {
			t.Error("it does not say why they go apart")
		}
	}
}

// A file that has come through too many drops takes no others with it.
func TestCarryWhatCameTooFar(t *testing.T) {
	h := startBundleHost(t)
	c, _, parcels := h.courier(t, NoSum)
	parcels[1].Via = strings.Repeat("0", bundle.ViaMost+1)
	c.CarryAll(parcels)
	wantRequests(t, h, "POST here a", "PUT /in/b", "POST here c,d,e,f")
}
