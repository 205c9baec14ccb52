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
	broken  atomic.Int64 // how many in a row a connection, or the server, broke over
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

// brokeOnce counts one that something broke over.
func (b *bundles) brokeOnce() {
	if b.broken.Add(1) >= breaksMost {
		b.refused.Store(true)
	}
}

// wanted reports that the server is to be sent bundles.
func (b *bundles) wanted() bool { return b.taken.Load() && !b.refused.Load() }

// bundler gathers the bundle that is sent next.
type bundler struct {
	bytes  []byte
	packed int       // files in it
	rate   int64     // most bytes a second; 0 = no limit
	room   int       // bytes that a bundle is to hold; 0 = firstBundle
	heard  time.Time // when the answer before came
}

// full reports that no further file of a path and a size fits; the first one does.
func (b *bundler) full(path string, size int64) bool {
	const line = 1 << 10 // more than what stands in one beside the path
	if b.room == 0 {
		b.resize(firstBundle)
	}
	return b.packed == bundle.FilesMost || b.packed > 0 && int64(len(b.bytes)+len(path)+line)+size > int64(b.room)
}

// add has a file, of which this was read, follow the others.
func (b *bundler) add(path, id string, p *post, s *source, content []byte) {
	f := bundle.File{Path: path, Mtime: formatSeconds(s.time), Mode: formatMode(s.mode), ID: id, Content: content}
	if p.sum.By != NoSum {
		f.Digests = p.sum.String()
	}
	if b.packed == 0 {
		b.bytes = b.bytes[:0]
	}
	b.bytes = bundle.Append(b.bytes, &f)
	b.packed++
}

// packable reports that a file may go into a bundle, by its size and place.
func packable(p *post, size int64) bool {
	return size <= bundledMost && strings.Count(p.to.path, "/") <= bundle.DepthMost
}

// bundlesNow reports that a file is to go in a bundle. One that a connection has broken over
// goes by itself, so that what is wrong with it is no other file's fault.
func (l *putLane) bundlesNow(p *post) bool {
	return l.bundling() && packable(p, p.size) && !p.alone
}

func (l *putLane) bundling() bool { return l.run.bundles.wanted() }

// windowLimits is how many files and bytes may be under way: two bundles, or so many requests.
func (l *putLane) windowLimits() (files int, bytes int64) {
	if l.bundling() {
		return 2 * bundle.FilesMost, 2 * bundle.BytesMost
	}
	return windowMost, windowBytes
}

// pack adds a file to the bundle that is sent next.
func (l *putLane) pack(p *post, s *source, content []byte) {
	path := strings.TrimPrefix(p.to.path, l.under.path)
	if l.full(path, p.size) {
		l.closeBundle()
	}
	l.add(path, p.id, p, s, content)
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
	case !ofTheBundle(res.StatusCode):
		err := taken(l.under, res)
		if broke(res.StatusCode) {
			l.run.bundles.brokeOnce()
		}
		for i := range first.files {
			l.judge(err, i == 0)
		}
	default:
		l.run.bundles.refused.Store(true)
		err := apart(badStatus(l.under, res))
		for range first.files {
			p := l.window[0].file
			l.answered()
			retry(l.run, l.queue, p, err)
		}
	}
	return nil
}

// ofTheBundle reports that a status is about the bundle, and maybe not about what is in it.
func ofTheBundle(status int) bool {
	return finalStatus(status) && status != http.StatusUnauthorized && status != http.StatusInsufficientStorage
}

// apart says why small files go one by one.
func apart(why error) error {
	return fmt.Errorf("small files go one by one, because several together are refused: %w", why)
}

// broke reports that whoever answers a bundle with this status may fail because of it.
func broke(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable
}

// judgeEach deals with so many files by the lines of their bundle's answer.
func (l *putLane) judgeEach(res *http.Response, files int) error {
	answers, err := readAnswers(res, files)
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

// readAnswers reads what a server says of so many files.
func readAnswers(res *http.Response, files int) ([]bundle.Answer, error) {
	const most = bundle.FilesMost << 10
	text, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return nil, unheard(err)
	}
	return bundle.ReadAnswers(text, files)
}

// measure finds out how long a bundle took since the line was free for it.
func (b *bundler) measure(sent time.Time) {
	now := time.Now()
	if b.heard.After(sent) {
		sent = b.heard
	}
	b.heard = now
	switch d := now.Sub(sent); {
	case d < quickBundle:
		b.resize(2 * b.room)
	case d > slowBundle:
		b.resize(b.room / 2)
	}
}

// resize sets what a bundle is to hold; one file it may hold in any case.
func (b *bundler) resize(bytes int) {
	if b.rate > 0 {
		bytes = min(bytes, int(min(b.rate/burstsSecond, bundle.BytesMost)))
	}
	b.room = max(min(bytes, bundle.BytesMost), 1)
}
