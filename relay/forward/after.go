package forward

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/drop/store"
	"relay/relay/sock"
)

// conclude does with a file what is to be done when all routes are through with it.
func (f *Forwarder) conclude(one *file) {
	gone, wanted := true, false
	why := ""
	for i := range one.legs {
		switch l := &one.legs[i]; l.state {
		case waiting, carried:
			gone = false
		case failed:
			wanted, why = true, f.routes[i].config.To+": "+l.why
		case sent:
			wanted = true
		case unwanted:
		}
	}
	if !gone {
		return
	}
	delete(f.files, one.path)
	if !wanted || f.config.Forwards[0].After == config.AfterKeep {
		return
	}
	err := f.dispose(one, why)
	if err == nil && one.look.version.Born == 0 {
		f.markAway(one)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) && err != store.ErrPrecondition {
		f.complain(one, err)
	}
}

// markAway has the book know that a file is gone for good, where one that takes its place
// may look the same in all that the file system says.
func (f *Forwarder) markAway(one *file) {
	for _, r := range f.routes {
		if rec, ok := f.book.get(r.config.To, one.path); ok && rec.of(one.look.version) {
			rec.Away = true
			if err := f.book.put(r.config.To, entry{one.path, rec}); err != nil {
				r.log.Error().Str("file", one.path).Err(err).Msg("a file of the same name, size and time may be taken for the one that was forwarded")
			}
		}
	}
}

// complain says what went wrong when a file was put away. The last step, where
// that is done, is to make durable that its name is gone.
func (f *Forwarder) complain(one *file, err error) {
	say := f.log.Error().Str("file", one.path).Err(err)
	if f.stands(one) {
		say.Msg("what was forwarded could not be put away; it stays where it is")
		return
	}
	say.Msg("what was forwarded was put away, but not all of that is done or durable: after a loss of power it may be there again")
}

// dispose puts a file away: to those that failed, with the reason, or as `after` says. If
// it is another by now, it stays: that is looked at in the same step, which nobody who
// publishes in the drop comes between.
func (f *Forwarder) dispose(one *file, why string) error {
	fd, err := unix.Open(f.config.Directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer sock.Close(fd)
	s := store.New(fd, f.durably(one, why))
	stands := func(bool, sock.FileInfo) bool { return f.stands(one) }
	switch {
	case why != "":
		err = f.bury(s, one, why)
	case f.config.Forwards[0].After == config.AfterArchive:
		_, err = s.Move(one.path, archiveDirectory+"/"+one.path, true, stands)
	default:
		err = s.Remove(one.path, stands)
	}
	if err == store.ErrPrecondition {
		return err
	}
	if _, gone := lookAt(f.config.Directory, one.path); f.config.DoneMarker != "" && (err == nil || errors.Is(gone, os.ErrNotExist)) {
		if failed := s.Remove(one.path+f.config.DoneMarker, nil); err == nil {
			err = failed
		}
	}
	return err
}

// removeMarker takes away the done marker of a file that is not there: of one that was put away by
// a process that was killed before it came to the marker. It would say of the next file of that
// name that it is complete. Where the book knows no such file somebody may be about to write it.
func (f *Forwarder) removeMarker(path string) {
	if f.config.DoneMarker == "" || f.config.Forwards[0].After == config.AfterKeep || f.files[path] != nil {
		return
	}
	known := slices.ContainsFunc(f.routes, func(r *route) bool {
		_, ok := f.book.get(r.config.To, path)
		return ok
	})
	if !known {
		return
	}
	fd, err := unix.Open(f.config.Directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer sock.Close(fd)
	gone := func(bool, sock.FileInfo) bool {
		_, err := lookAt(f.config.Directory, path)
		return errors.Is(err, os.ErrNotExist)
	}
	_ = store.New(fd, true).Remove(path+f.config.DoneMarker, gone) // else when all is looked through again
}

// durably reports that a file is to be put away for good. Else a loss of power may bring it back,
// and then it is put away again, because the book has it: but not where nothing tells it from
// another of its name, nor where its marker was lost.
func (f *Forwarder) durably(one *file, why string) bool {
	return why != "" || f.config.DoneMarker != "" || one.look.version.Born == 0
}

// stands reports that a file is still there, and not another.
func (f *Forwarder) stands(one *file) bool {
	return stands(f.config.Directory, one.path, one.look.version)
}

// bury moves a file to those that failed. The reason is written first: a file there
// always has one.
func (f *Forwarder) bury(s *store.Store, one *file, why string) error {
	reason := filepath.Join(f.config.Directory, failedDirectory, one.path+".reason")
	text := time.Now().UTC().Format(time.RFC3339) + " " + why + "\n"
	var unwritten error
	_, err := s.Move(one.path, failedDirectory+"/"+one.path, true, func(bool, sock.FileInfo) bool {
		if !f.stands(one) {
			return false
		}
		const mode = 0o666
		unwritten = os.WriteFile(reason, []byte(text), mode)
		return unwritten == nil
	})
	if unwritten != nil {
		return unwritten
	}
	return err
}
