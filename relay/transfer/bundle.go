package transfer

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"relay/relay/drop/bundle"
)

// A drop that has been put a small file says in its answer that it takes many in one request
// (package bundle). From then on they go so: what a request costs on both sides is paid once
// for all of them, and they are synced together. Ids are the same as for files that are put,
// so that a bundle which is sent again, or file by file, publishes nothing twice.

// bundledMost is the size, in bytes, up to which a file goes into a bundle.
const bundledMost = 64 << 10

// How large bundles are follows from how long they take: on a slow line a large one would look
// like a server that is gone.
const (
	firstBundle  = 64 << 10        // bytes of the first one
	quickBundle  = time.Second     // one that takes less doubles what the next ones hold,
	slowBundle   = 5 * time.Second // and one that takes more halves it
	burstsSecond = 8               // with a limit of the rate no bundle holds more than this part of a second
)

// bundles is what a run knows of its server.
type bundles struct {
	taken   atomic.Bool  // it has said that it takes bundles
	refused atomic.Bool  // and has refused one all the same
	broken  atomic.Int64 // connections in a row that broke over one
}

// breaksMost is how many of those there may be before files go one by one.
const breaksMost = 3

// learn finds out from the answer to a file whether the server takes bundles.
func (b *bundles) learn(res *http.Response) {
	if b.taken.Load() {
		return
	}
	for kind := range strings.SplitSeq(strings.Join(res.Header["Accept-Post"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(kind), bundle.Type) {
			b.taken.Store(true)
		}
	}
}

// bundler is what a lane needs to send bundles.
type bundler struct {
	bytes  []byte    // the bundle that is sent next
	packed int       // files in it: the last ones of the window
	room   int       // bytes that a bundle is to hold; 0 = firstBundle
	heard  time.Time // when the answer before came
}

// bundlesNow reports that a file is to go in a bundle. One that a connection has broken over
// goes by itself, so that what is wrong with it is no other file's fault.
func (l *putLane) bundlesNow(p *post) bool {
	return l.bundling() && p.size <= bundledMost && !p.alone && strings.Count(p.to.path, "/") <= bundle.DepthMost
}

func (l *putLane) bundling() bool {
	b := &l.run.bundles
	return b.taken.Load() && !b.refused.Load()
}

// windowLimits is how many files and bytes may be under way: two bundles, or so many requests.
func (l *putLane) windowLimits() (files int, bytes int64) {
	if l.bundling() {
		return 2 * bundle.FilesMost, 2 * bundle.BytesMost
	}
	return windowMost, windowBytes
}

// pack adds a file to the bundle that is sent next.
func (l *putLane) pack(p *post, s *source, content []byte) {
	const line = 1 << 10 // more than what stands in one beside the path
	path := strings.TrimPrefix(p.to.path, l.under.path)
	if l.room == 0 {
		l.resize(firstBundle)
	}
	if l.packed == bundle.FilesMost || len(l.bytes)+len(path)+line+len(content) > l.room {
		l.closeBundle()
	}
	f := bundle.File{Path: path, Mtime: formatSeconds(s.time), Mode: formatMode(s.mode), ID: p.id, Content: content}
	if p.sum.By != NoSum {
		f.Digests = p.sum.String()
	}
	if l.packed == 0 {
		l.bytes = l.bytes[:0]
	}
	l.bytes = bundle.Append(l.bytes, &f)
	l.packed++
}

// closeBundle sends the files that have gathered.
func (l *putLane) closeBundle() {
	n := l.packed
	if l.packed = 0; n == 0 || l.broke != nil {
		return
	}
	first := &l.window[len(l.window)-n]
	first.files, first.sent = n, time.Now()
	l.wire.ask("POST", l.under, l.run.Token,
		field{"Content-Type", bundle.Type}, field{"Content-Length", strconv.Itoa(len(l.bytes))})
	l.append(l.bytes)
}

// unpack reads the answer to a bundle, and deals with its files.
func (l *putLane) unpack(res *http.Response) error {
	first := l.window[0]
	l.measure(first.sent)
	switch {
	case res.StatusCode == http.StatusOK:
		return l.judgeEach(res, first.files)
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode >= http.StatusInternalServerError && res.StatusCode != http.StatusNotImplemented:
		err := taken(l.under, res)
		for i := range first.files {
			l.judge(err, i == 0)
		}
	default: // it is about the bundle, and maybe not about what is in it
		l.run.bundles.refused.Store(true)
		err := fmt.Errorf("%s: a bundle is answered with %d: the files go one by one", l.under, res.StatusCode)
		for range first.files {
			p := l.window[0].file
			l.answered()
			retry(l.run, l.queue, p, err)
		}
	}
	return nil
}

// judgeEach deals with so many files by the lines of their bundle's answer.
func (l *putLane) judgeEach(res *http.Response, files int) error {
	const most = bundle.FilesMost << 10
	text, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return unheard(err)
	}
	answers, err := bundle.ReadAnswers(text, files)
	if err != nil {
		return err
	}
	l.run.bundles.broken.Store(0)
	wait := true
	for _, a := range answers {
		p := l.window[0].file
		err := takenAs(p.to, a.Status, func() string { return a.Text })
		if err == nil && a.Text != "" {
			p.storedAt(l.under.path + a.Text)
		}
		if l.judge(err, wait) {
			wait = false
		}
	}
	return nil
}

// measure finds out how long a bundle took since the line was free for it.
func (l *putLane) measure(sent time.Time) {
	now := time.Now()
	if l.heard.After(sent) {
		sent = l.heard
	}
	l.heard = now
	switch d := now.Sub(sent); {
	case d < quickBundle:
		l.resize(2 * l.room)
	case d > slowBundle:
		l.resize(l.room / 2)
	}
}

// resize sets what a bundle is to hold; one file it may hold in any case.
func (l *putLane) resize(bytes int) {
	if rate := l.run.Rate; rate > 0 {
		bytes = min(bytes, int(min(rate/burstsSecond, bundle.BytesMost)))
	}
	l.room = max(min(bytes, bundle.BytesMost), 1)
}
