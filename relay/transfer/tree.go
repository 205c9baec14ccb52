package transfer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
)

// madeDir is a directory that was made, and what it is to be like in the end.
type madeDir struct {
	root *os.Root
	name string
	attributes
}

// planTree walks a tree on a server: its directories are made here, its files go into the
// queue.
func (g *get) planTree(from Place, root *os.Root, name, shown string) {
	type level struct {
		from        Place
		name, shown string
	}
	for todo := []level{{from.dir(), name, shown}}; len(todo) > 0 && g.ctx.Err() == nil; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		entries, err := g.asker.list(at.from)
		if err != nil {
			g.run.note(err)
			continue
		}
		for _, e := range entries {
			from, name, shown := at.from.follow(e.Href), path.Join(at.name, e.name), path.Join(at.shown, e.name)
			mode, hasMode := parseMode(e.Mode)
			a := attributes{e.Modified, mode, hasMode}
			if e.Kind == kindFile {
				g.want(&fetch{from: from, root: root, name: name, shown: shown, size: e.Size}, a)
				continue
			}
			if err := g.makeDir(root, name, shown, a); err != nil {
				g.run.note(err)
				continue
			}
			todo = append(todo, level{from, name, shown})
		}
	}
}

// makeDir makes a directory that we may write to; what it is to be like comes last.
func (g *get) makeDir(root *os.Root, name, shown string, a attributes) error {
	const mine = 0o700
	if !a.hasMode { // the mode of one that is there stays as it is
		a.mode = dirMode()
	}
	err := root.Mkdir(name, mine|a.mode)
	if errors.Is(err, os.ErrExist) {
		if info, err := root.Stat(name); err != nil || !info.IsDir() {
			return fmt.Errorf("%s: there is something else where a directory is to be; move it out of the way", shown)
		}
		if a.hasMode {
			err = root.Chmod(name, mine|a.mode)
		} else {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	g.dirs = append(g.dirs, madeDir{root, name, a})
	g.run.Tell(Event{Kind: MadeDir, Path: shown, Size: NoSize})
	return nil
}

// finishDirs gives the directories their modes and times, now that nothing in them
// changes any more, the deepest first; and has them outlive a loss of power.
func (g *get) finishDirs() {
	for _, d := range slices.Backward(g.dirs) {
		if err := g.finishDir(d); err != nil {
			g.run.note(err)
		}
	}
}

func (g *get) finishDir(d madeDir) error {
	f, err := d.root.Open(d.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !d.modified.IsZero() {
		err = errors.Join(err, setTime(f, d.modified))
	}
	if d.hasMode {
		err = errors.Join(err, f.Chmod(d.mode))
	}
	if g.run.Durable {
		err = errors.Join(err, f.Sync())
	}
	return err
}
