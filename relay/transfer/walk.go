package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// walk finds what is in a directory that is sent. Symbolic links in it are left out, and
// that is told: a drop shows none that leads out of it, and one that leads to a file that
// is sent as well would make two of it. With FollowLinks they are sent as what they point
// at.

// sentDir is a directory that is to be like one here.
type sentDir struct {
	path string
	to   Place
	info fs.FileInfo
}

// tree queues a directory's files. above are the directories it is in; absent says that
// the server has none of this name.
func (s *send) tree(path string, to Place, above []fs.FileInfo, absent bool) {
	info, err := os.Stat(path)
	if err != nil {
		s.run.note(err)
		return
	}
	for _, up := range above {
		if os.SameFile(up, info) {
			s.leaveOut(path, "it is a directory above itself")
			return
		}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		s.run.note(err) // what could be read of it comes along
	}
	var there map[string]listed
	if !absent {
		there, absent = s.listing(to)
	}
	above = append(above[:len(above):len(above)], info)
	s.dirs = append(s.dirs, sentDir{path, to, info})
	for _, e := range entries {
		if s.ctx.Err() != nil {
			return
		}
		if child := filepath.Join(path, e.Name()); !s.single(child, to.join(e.Name()), e, there[e.Name()]) {
			s.tree(child, to.join(e.Name()).dir(), above, absent)
		}
	}
}

// single deals with an entry of a directory, unless it is a directory itself.
func (s *send) single(path string, to Place, e fs.DirEntry, there listed) bool {
	info, err := s.info(path, e)
	switch {
	case err != nil:
		s.run.note(err)
	case info == nil:
		s.leaveOut(path, "it is a symbolic link; --follow sends what it points at")
	case info.IsDir():
		return false
	case info.Mode().IsRegular():
		s.file(path, to, info, there)
	default:
		s.leaveOut(path, "it is neither a file nor a directory")
	}
	return true
}

// info describes an entry; nil is a link that is not followed.
func (s *send) info(path string, e fs.DirEntry) (fs.FileInfo, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Info()
	}
	if !s.run.FollowLinks {
		return nil, nil
	}
	return os.Stat(path)
}

// leaveOut tells of what is not sent. That it has no size says that it is not because it is
// there already.
func (s *send) leaveOut(path, why string) {
	s.run.Tell(Event{Kind: Skipped, Path: path, Why: why, Size: NoSize})
}

// file queues a file, unless it is there already.
func (s *send) file(path string, to Place, info fs.FileInfo, there listed) {
	s.run.Files.Add(1)
	s.run.Bytes.Add(info.Size())
	if p := (&post{path: path, to: to, size: info.Size()}); s.run.Force || !there.is(info.Size(), info.ModTime(), info.Mode().Perm()) {
		s.queue.add(p)
	} else {
		s.run.FilesDone.Add(1)
		s.run.BytesDone.Add(info.Size())
		e := p.event(Skipped)
		e.Why = "it is there already"
		s.run.Tell(e)
	}
}

// listing is what is in a directory of the server, by name, or that there is no such
// directory. Where that cannot be known everything is sent.
func (s *send) listing(to Place) (found map[string]listed, absent bool) {
	if s.run.Force || s.blind {
		return nil, false
	}
	entries, err := s.asker.list(to)
	if err != nil {
		absent = errors.Is(err, errNotThere)
		s.blind = !absent
		return nil, absent
	}
	found = make(map[string]listed, len(entries))
	for _, e := range entries {
		found[e.name] = e
	}
	return found, false
}
