package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// send is the sending of some paths.
type send struct {
	run    *Run
	ctx    context.Context
	giveUp context.CancelCauseFunc
	queue  *queue[*post]
	dirs   []sentDir
	asker  *caller
	blind  bool // the server does not tell what is there
}

// errNotThere is what a server says of a name that is not there.
var errNotThere = errors.New("there is no such name")

// Send puts files and trees into a drop. A URL that ends in '/' is a directory for them;
// one that does not is the name that a single file, or the content of a single directory,
// is to have. "dir/" is what is in a directory, without its name.
//
// The error tells of each file that could not be sent.
func (r *Run) Send(parent context.Context, paths []string, recursive bool, url string) error {
	to, err := ParseURL(url)
	if err != nil {
		return err
	}
	if len(paths) > 1 && !to.isDir() {
		return final(fmt.Errorf("several files need a directory to go to: write %s/", url))
	}
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	s := &send{run: r, ctx: ctx, giveUp: giveUp, queue: newQueue[*post]()}
	s.asker = &caller{run: r, ctx: ctx, giveUp: giveUp}
	defer s.asker.hangUp()
	stop := context.AfterFunc(ctx, s.queue.abandon)
	defer stop()
	var lanes sync.WaitGroup
	for range r.Parallel {
		l := &putLane{lane: lane[*post]{caller: caller{run: r, ctx: ctx, giveUp: giveUp}, queue: s.queue}, under: to.above()}
		lanes.Go(l.drive)
	}
	for _, path := range paths {
		s.plan(path, to, recursive)
	}
	s.queue.close()
	lanes.Wait()
	if ctx.Err() == nil {
		s.finishDirs()
	}
	return r.result(ctx)
}

// plan queues one path. What is named is followed, should it be a link.
func (s *send) plan(path string, to Place, recursive bool) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		s.run.note(err)
	case info.IsDir() && !recursive:
		s.run.note(fmt.Errorf("%s is a directory; --recursive (-r) sends what is in it", path))
	case info.IsDir():
		if to.isDir() && !strings.HasSuffix(path, "/") && filepath.Base(absolute(path)) != "/" {
			to = to.join(filepath.Base(absolute(path)))
		}
		s.tree(path, to.dir(), nil, false)
	case info.Mode().IsRegular():
		if to.isDir() {
			to = to.join(filepath.Base(path))
		}
		s.file(path, to, info, s.known(to))
	default:
		s.run.note(fmt.Errorf("%s is neither a file nor a directory; a pipe is sent as standard input: relay send - URL", path))
	}
}

// known is what the server has at a single name; where that cannot be known the file is
// sent, which meets the same difficulty and tells of it.
func (s *send) known(to Place) (there listed) {
	if !s.run.Force {
		there, _ = s.asker.onServer(to, sum{})
	}
	return there
}

// finishDirs makes the directories like ours, now that nothing in them changes any more,
// the deepest first. It also makes those that hold no file.
func (s *send) finishDirs() {
	for _, d := range slices.Backward(s.dirs) {
		if err := s.finishDir(d); err != nil {
			s.run.note(err)
			if isFinal(err) {
				return // the others will meet the same
			}
		}
	}
}

func (s *send) finishDir(d sentDir) error {
	if d.to.path == "/" {
		return nil
	}
	return s.asker.ask("MKCOL", d.to, func(res *http.Response) error {
		err := taken(d.to, res)
		if err == nil {
			s.run.Tell(Event{Kind: MadeDir, Path: d.path, URL: d.to.String(), Size: NoSize})
		}
		return err
	}, directoryFields(d.info)...)
}

func directoryFields(info fs.FileInfo) []field {
	return []field{
		{"X-OC-Mtime", formatSeconds(info.ModTime())}, {"X-Relay-Mode", formatMode(info.Mode())}, {"Content-Length", "0"},
	}
}
