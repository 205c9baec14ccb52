package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// get is the fetching of some URLs.
type get struct {
	run    *Run
	ctx    context.Context
	giveUp context.CancelCauseFunc
	queues map[string]*queue[*fetch] // by host
	wanted map[string]Place          // by name; nil = there is one URL, and no name comes twice
	dirs   []madeDir
	asker  *caller // the planner's connection
	as     string  // the name of the one file that there is to be; "" = what there is, each as it is called
}

// Get fetches files and trees into a directory, which is made if it is not there. "…/name"
// becomes "name" in it, be it a file or a directory; what is in "…/name/" goes straight
// into it. What is there already with the same size and time is left alone.
//
// The error tells of each file that could not be had.
func (r *Run) Get(parent context.Context, urls []string, dir string) error {
	var places []Place
	for _, u := range urls {
		p, err := ParseURL(u)
		if err != nil {
			return err
		}
		places = append(places, p)
	}
	const mode = 0o777
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return r.getInto(parent, places, dir, "")
}

// GetFile fetches one file, to be there under a name of its own: a path, whose directory is
// there. It replaces what is there as Get does.
func (r *Run) GetFile(parent context.Context, url, path string) error {
	from, err := ParseURL(url)
	if err != nil {
		return err
	}
	if from.isDir() {
		return final(fmt.Errorf("%s: %w", from, errNotOneFile))
	}
	return r.getInto(parent, []Place{from}, filepath.Dir(path), filepath.Base(path))
}

// errNotOneFile is why a directory is not fetched where one file is wanted.
var errNotOneFile = errors.New("it is a directory, and -o (--output) is for one file; without that all that is in it is fetched into a directory")

// getInto fetches into a directory that is there.
func (r *Run) getInto(parent context.Context, places []Place, dir, as string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	g := &get{run: r, ctx: ctx, giveUp: giveUp, queues: map[string]*queue[*fetch]{}, as: as}
	g.asker = &caller{run: r, ctx: ctx, giveUp: giveUp}
	if len(places) > 1 {
		g.wanted = map[string]Place{}
	}
	work := g.start(places)
	g.dirs = append(g.dirs, madeDir{root: root, name: "."})
	for _, p := range places {
		g.plan(p, root, dir)
	}
	for _, q := range g.queues {
		q.close()
	}
	g.asker.hangUp()
	work.Wait()
	if ctx.Err() == nil {
		g.finishDirs()
	}
	return r.result(ctx)
}

// start sets the connections to each host going.
func (g *get) start(places []Place) *sync.WaitGroup {
	var work sync.WaitGroup
	for _, p := range places {
		if g.queues[p.host] != nil {
			continue
		}
		q := newQueue[*fetch]()
		g.queues[p.host] = q
		work.Go(func() { g.serve(p.host, q) })
	}
	return &work
}

// serve fetches what comes into the queue, and returns when it ends.
func (g *get) serve(host string, q *queue[*fetch]) {
	stop := context.AfterFunc(g.ctx, q.abandon)
	defer stop()
	done := make(chan *landed)
	finishing := g.run.finishAll(q, done)
	var lanes sync.WaitGroup
	for range g.run.Parallel {
		l := &getLane{lane[*fetch]{caller: caller{run: g.run, ctx: g.ctx, giveUp: g.giveUp, host: host}, queue: q}, done}
		lanes.Go(l.drive)
	}
	lanes.Wait()
	close(done)
	finishing.Wait()
}

// plan finds out what a URL is, and queues what is to be fetched.
func (g *get) plan(p Place, root *os.Root, dir string) {
	if p.isDir() {
		g.planTree(p, root, ".", dir)
		return
	}
	name := p.base()
	if g.as != "" {
		name = g.as
	}
	if name == "" || name == ".." || strings.ContainsAny(name, "/\x00") {
		g.run.note(fmt.Errorf("%s: %q cannot be the name of a file here", p, name))
		return
	}
	shown := filepath.Join(dir, name)
	isTree, a := false, attributes{}
	err := g.asker.ask("HEAD", p, func(res *http.Response) error {
		switch {
		case res.StatusCode == http.StatusOK:
			f := &fetch{from: p, root: root, name: name, shown: shown, size: max(res.ContentLength, 0)}
			g.want(f, attributesOf(res.Header))
			return nil
		case p.becomesDir(res) && g.as != "":
			return final(fmt.Errorf("%s: %w", p, errNotOneFile))
		case p.becomesDir(res):
			isTree, a = true, attributesOf(res.Header)
			return nil
		}
		return p.notHad(res)
	}, field{"X-Relay-Want", "attributes"})
	if err == nil && isTree {
		if err = g.makeDir(root, name, shown, a); err == nil {
			g.planTree(p, root, name, shown)
		}
	}
	if err != nil {
		g.run.note(err)
	}
}

// notHad is the error of an answer without the file.
func (p Place) notHad(res *http.Response) error {
	if to := res.Header.Get("Location"); to != "" {
		return final(fmt.Errorf("%s has moved to %s; ask for it there", p, to))
	}
	return badStatus(p, res)
}

// becomesDir reports that an answer sends from "/name" to "/name/", which says that it is
// a directory.
func (p Place) becomesDir(res *http.Response) bool {
	to := res.Header.Get("Location")
	if u, err := url.Parse(to); err == nil {
		to = u.EscapedPath()
	}
	sent, err := url.PathUnescape(to)
	mine, _ := url.PathUnescape(p.path)
	return res.StatusCode/100 == 3 && err == nil && path.Clean(sent) == path.Clean(mine) && strings.HasSuffix(to, "/")
}

// want queues a file, unless it is there already.
func (g *get) want(f *fetch, a attributes) {
	switch before, twice := g.wanted[f.name]; {
	case twice && before == f.from:
		return
	case twice:
		g.run.note(fmt.Errorf("%s: both %s and %s would come here; fetch one of them elsewhere", f.shown, before, f.from))
		return
	case g.wanted != nil:
		g.wanted[f.name] = f.from
	}
	g.run.Files.Add(1)
	g.run.Bytes.Add(f.size)
	if !g.run.Force && g.isThere(f, a) {
		g.run.FilesDone.Add(1)
		g.run.BytesDone.Add(f.size)
		e := f.event(Skipped)
		e.Why = "it is there already"
		g.run.Tell(e)
		return
	}
	g.queues[f.from.host].add(f)
}

// isThere reports that a file of this size and time is at its place.
func (g *get) isThere(f *fetch, a attributes) bool {
	info, err := f.root.Lstat(f.name)
	return err == nil && info.Mode().IsRegular() && info.Size() == f.size && info.ModTime().Equal(a.modified) &&
		(!a.hasMode || info.Mode().Perm() == a.mode)
}
