package drop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sys/unix"

	"relay/relay/drop/bundle"
	"relay/relay/drop/store"
	"relay/relay/drop/token"
	"relay/relay/sock"
)

// delivery is a bundle of small files that came in one request (package bundle): each is
// judged, stored and published as if it had been put, and has its own answer. What a request
// costs beside that is paid once for all of them.
type delivery struct {
	drop  *Drop
	open  int  // most files and directories at a time
	to    name // the directory that their paths begin in
	grant token.Grant
	via   string // the drops that all of them came through
	files []bundledFile
}

// bundledFile is one of the files, and what becomes of it.
type bundledFile struct {
	path    string
	size    int64
	up      *upload
	done    store.Published
	err     error
	refused refusal // by a status, if that is not what err says
}

// acceptPost says that bundles are taken.
const acceptPost = "Accept-Post: " + bundle.Type + "\r\n"

// isBundle reports that a request brings a bundle.
func isBundle(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), bundle.Type)
}

// deliver takes up a request that brings a bundle to a directory, which need not be there yet.
// What a token may is judged for each file; who has none that is known need not send them.
func (c *Conn) deliver(n name) {
	d, r := c.drop, c.request.head
	switch {
	case !d.limits.Write:
		c.failBecause(statusMethod, readOnly)
	case n.hidden():
		c.failBecause(statusForbidden, ourNames)
	case d.tokens != nil && c.request.grant.None():
		_, why := d.deny(&c.request.grant, token.Write, n.path)
		c.request.why = Denied
		c.askToken(why)
	case !c.sized():
		c.failBecause(statusLength, "say how long the bundle is (Content-Length), or send it in chunks")
	case conditions(r.Header) != nil, len(r.Header["Content-Range"]) > 0:
		c.failBecause(statusBadRequest, "conditions and ranges are for a file that is put by itself")
	case len(r.Header.Get(bundle.Via)) > bundle.ViaMost:
		c.failBecause(statusBadRequest, errVia.Error())
	default:
		v := &delivery{drop: d, open: c.in.workers.BundleOpen, to: n, grant: c.request.grant, via: r.Header.Get(bundle.Via)}
		c.hear(n, &message{
			most: bundle.BytesMost, workers: c.in.workers.Bundles,
			read: v.read, done: func() { v.done(c) }, answer: func() { v.answer(c) },
		})
	}
}

// read stores what is in a bundle, on a worker.
func (v *delivery) read(b []byte) error {
	all, err := bundle.Read(b)
	if err != nil {
		return fmt.Errorf("%w: %w", errBundle, err)
	}
	v.files = make([]bundledFile, len(all))
	batch := v.drop.store.Batch(v.open)
	var begun []*bundledFile
	for i := range all {
		if f := &v.files[i]; v.take(batch, f, &all[i]) {
			begun = append(begun, f)
		}
		if batch.Full() {
			v.publish(batch, begun)
			begun = begun[:0]
		}
	}
	v.publish(batch, begun)
	return nil
}

// take begins a file; false says that it is not to be published.
func (v *delivery) take(batch *store.Batch, f *bundledFile, from *bundle.File) bool {
	d := v.drop
	f.path, f.size = from.Path, int64(len(from.Content))
	if !v.admit(f, from) {
		return false
	}
	up := f.up
	if f.err = d.mayTake(up); f.err != nil {
		return false
	}
	if f.err = d.promise(f.size); f.err != nil {
		return false
	}
	if f.err = up.fill(batch, from.Content); f.err == nil && up.repeat == nil {
		batch.Add(up.part, up.terms)
		return true
	}
	d.kept(f.size, 0)
	if f.err == nil {
		up.part.Abandon()
		f.done = *up.repeat
		f.err = up.isRepeat(f.done, f.size)
	}
	return false
}

// admit judges what is said of a file, like put.
func (v *delivery) admit(f *bundledFile, from *bundle.File) bool {
	d := v.drop
	path, err := url.PathUnescape(from.Path)
	n, ok := cleanName("/" + v.to.path + "/" + path)
	if err != nil || !ok || path == "" || path[0] == '/' || strings.ContainsAny(from.Path, "?#") {
		f.refused = refusal{statusBadRequest, noPath, BadRequest}
		return false
	}
	f.path = n.path
	if strings.Count(n.path, "/") > bundle.DepthMost {
		f.refused = refusal{statusBadRequest, "it is too deep for a bundle; put it by itself", BadRequest}
		return false
	}
	if !n.hidden() {
		if status, why := d.deny(&v.grant, token.Write, n.path); status != 0 {
			f.refused = refusal{status, why, Denied}
			return false
		}
	}
	if status, why := d.refuseFile(n, f.size); status != 0 {
		f.refused = refusal{status, why, ""}
		return false
	}
	fields, err := readBundled(from)
	if err != nil {
		f.refused = refusal{statusBadRequest, err.Error(), ""}
		return false
	}
	fields.via = v.via
	f.up = d.newUpload(n, fields, store.Terms{Conflict: d.conflict})
	f.up.here = true
	return true
}

// fill makes a file of what came. On an error it is gone again.
func (up *upload) fill(batch *store.Batch, content []byte) (err error) {
	if up.part, err = batch.Begin(up.name.path, int64(len(content))); err != nil {
		return err
	}
	for at := 0; at < len(content); {
		n, errno := sock.WriteAt(up.part.FD, content[at:], int64(at))
		if errno == 0 && n == 0 {
			errno = unix.EIO // a file that takes nothing
		}
		if errno != 0 {
			up.part.Abandon()
			return errno
		}
		at += n
	}
	return up.verify(int64(len(content)))
}

// publish gives files their names.
func (v *delivery) publish(batch *store.Batch, begun []*bundledFile) {
	for i, o := range batch.Publish() {
		f := begun[i]
		f.done, f.err = o.Published, o.Err
		came := int64(0)
		switch {
		case f.err != nil:
		case f.done.Repeated:
			f.err = f.up.isRepeat(f.done, f.size)
		default:
			came = f.size
		}
		v.drop.kept(f.size, came)
	}
}

// done says what has arrived, and what has been refused.
func (v *delivery) done(c *Conn) {
	for i := range v.files {
		f := &v.files[i]
		if f.err != nil {
			f.refused = c.refusal(f.path, f.err)
		}
		switch {
		case f.refused.status != 0:
			c.refused(f)
		case !f.done.Repeated:
			c.arrived(f.done)
		}
	}
}

// refused counts and tells of a file that was refused as of a request.
func (c *Conn) refused(f *bundledFile) {
	why := f.refused.why
	if why == "" {
		why = Complete
	}
	c.counts.Requests[f.refused.status]++
	c.counts.Ended[why]++
	if !c.in.access {
		return
	}
	line := c.in.log.Info().Str("drop", c.drop.Service.Config.Name).Str("file", f.path).Int64("size", f.size).
		Int("status", f.refused.status).Str("reason", string(why))
	if c.request.grant.Name != "" {
		line.Str("token", c.request.grant.Name)
	}
	line.Msg("refused")
}

// otherName is where a file is that did not get the name that it was to have (on_conflict):
// beneath the directory, as its own path was.
func (v *delivery) otherName(f *bundledFile) string {
	if f.done.Path == f.path {
		return ""
	}
	return escape(strings.TrimPrefix(f.done.Path, v.to.path+"/"))
}

// answer tells what has become of each file.
func (v *delivery) answer(c *Conn) {
	var text []byte
	for i := range v.files {
		switch f := &v.files[i]; {
		case f.refused.status != 0:
			text = bundle.AppendAnswer(text, f.refused.status, f.refused.says)
		case f.done.Replaced:
			text = bundle.AppendAnswer(text, statusNoContent, "")
		default:
			text = bundle.AppendAnswer(text, statusCreated, v.otherName(f))
		}
	}
	b := append(c.start(statusOK), "Content-Type: "+plain+"\r\nContent-Length: "...)
	b = append(appendInt(b, int64(len(text))), "\r\n\r\n"...)
	head := len(b)
	c.respond(append(b, text...), head, 0)
}
