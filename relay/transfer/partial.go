package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// partial is a file that is being fetched. It grows under a hidden name beside its place,
// which no drop on the same directory shows, and is renamed to it when it is whole. One
// that is worth going on with has a note beside it that says what it is a part of.
//
// The bytes of a part are not synced as they come, so they are good for as long as this
// machine runs: after a restart of it the file is fetched anew.
type partial struct {
	root *os.Root
	name string // its place, relative to the root
	temp string
	file *os.File // locked, so that two fetches of one file do not mix
}

// origin is what a part is a part of.
type origin struct {
	URL  string `json:"url"`
	ETag string `json:"etag"`
	Size int64  `json:"size"`
	Boot string `json:"boot"`
}

const (
	hiddenPrefix = ".relay-get-"
	noteSuffix   = ".json"
	// resumeLeast is the size of a file, in bytes, from which going on with a part saves
	// more than its note costs.
	resumeLeast = 1 << 20
	// partialMode keeps a part to its owner until it has its own mode.
	partialMode = 0o600
)

// errBusy is why a file is not fetched that somebody else is fetching.
var errBusy = errors.New("another relay is fetching this file; wait for it, or end it")

// openPartial opens the part of a file, or makes an empty one, and locks it.
func openPartial(root *os.Root, name string) (*partial, error) {
	hash := sha256.Sum256([]byte(path.Base(name)))
	p := &partial{root: root, name: name}
	p.temp = path.Join(path.Dir(name), hiddenPrefix+hex.EncodeToString(hash[:8]))
	for {
		f, err := root.OpenFile(p.temp, os.O_RDWR|os.O_CREATE, partialMode)
		if err != nil {
			return nil, final(err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			return nil, final(fmt.Errorf("%s: %w", name, errBusy))
		}
		if p.file = f; p.isThere() {
			return p, nil
		}
		f.Close() // whoever had the lock has published or removed it
	}
}

// isThere reports that the hidden name still leads to the open file.
func (p *partial) isThere() bool {
	mine, err := p.file.Stat()
	if err != nil {
		return false
	}
	there, err := p.root.Lstat(p.temp)
	return err == nil && os.SameFile(mine, there)
}

// resumes is how much of the file is there, and of which version.
func (p *partial) resumes(url string) (offset int64, of origin) {
	text, err := p.root.ReadFile(p.temp + noteSuffix)
	if err != nil || json.Unmarshal(text, &of) != nil || of.URL != url || of.Boot != boot() || of.ETag == "" {
		return 0, origin{}
	}
	info, err := p.file.Stat()
	if err != nil || info.Size() > of.Size {
		return 0, origin{}
	}
	return info.Size(), of
}

// begin empties the part, and notes what it will be a part of if going on with it is
// possible and worth while.
func (p *partial) begin(of origin) error {
	if err := p.forget(); err != nil {
		return err
	}
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if of.Size < resumeLeast || of.ETag == "" || strings.HasPrefix(of.ETag, "W/") {
		return nil
	}
	of.Boot = boot()
	text, err := json.Marshal(of)
	if err != nil {
		return err
	}
	return p.root.WriteFile(p.temp+noteSuffix, text, partialMode)
}

// forget removes the note; the part is then worth nothing to a later fetch.
func (p *partial) forget() error {
	err := p.root.Remove(p.temp + noteSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// attributes are what a copy has in common with its original besides its content.
type attributes struct {
	modified time.Time // zero = not known
	mode     os.FileMode
	hasMode  bool
}

// publish gives the file its attributes and its name. It ends the partial if it could.
func (p *partial) publish(a attributes, durable bool) error {
	if !a.hasMode {
		a.mode = newFileMode()
	}
	if err := p.file.Chmod(a.mode); err != nil {
		return err
	}
	if !a.modified.IsZero() {
		if err := setTime(p.file, a.modified); err != nil {
			return err
		}
	}
	if durable {
		if err := p.file.Sync(); err != nil {
			return err
		}
	}
	if err := p.root.Rename(p.temp, p.name); err != nil {
		return err
	}
	p.file.Close()
	_ = p.forget() // it names nothing any more
	return nil
}

// keep leaves the part for a later fetch.
func (p *partial) keep() { p.file.Close() }

// discard removes the part.
func (p *partial) discard() {
	_ = p.forget() // a part without a note is begun anew, a note without a part too
	_ = p.root.Remove(p.temp)
	p.file.Close()
}

// setTime sets when a file was changed last, as futimens(3) does.
func setTime(f *os.File, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(int(f.Fd())), []unix.Timespec{ts, ts}, 0)
}

// boot names the time since this machine was started.
var boot = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it every start is a new one
	if len(id) == 0 {
		return strconv.FormatInt(time.Now().UnixNano(), 10)
	}
	return strings.TrimSpace(string(id))
})

// newFileMode is the mode that files made by this process get.
func newFileMode() os.FileMode { return 0o666 &^ umask() }

// dirMode is the same for directories.
func dirMode() os.FileMode { return 0o777 &^ umask() }

// umask is asked of /proc: the system call tells it only by changing it.
var umask = sync.OnceValue(func() os.FileMode {
	const usual = 0o022
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Umask:"); ok {
			if mask, err := strconv.ParseUint(strings.TrimSpace(value), 8, 12); err == nil {
				return os.FileMode(mask)
			}
		}
	}
	return usual
})
