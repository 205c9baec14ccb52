package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// note remembers an upload beyond the end of this process: where it goes on, and for
// what file. It is locked, so that two processes do not send the same file to the same
// place at once. Without a directory for it, it ends with the process.
type note struct {
	file    *os.File
	path    string
	durable bool // it is to outlive a loss of power
	upload
}

// upload is a resumable upload under way.
type upload struct {
	Location string `json:"location"`        // path on the server that the file goes to; "" = none
	Look     look   `json:"look"`            // of the file
	Ahead    string `json:"ahead,omitempty"` // where the file is to be, of an upload that was begun before it was whole here
}

// errSending is why a file is not sent that somebody else is sending.
var errSending = errors.New("another relay is sending it to the same place; wait for it, or end it")

// openNote reads what is known of sending this file there.
func openNote(dir, path string, to Place, durable bool) (*note, error) {
	if dir == "" {
		return &note{}, nil
	}
	const mine = 0o700
	if err := os.MkdirAll(dir, mine); err != nil {
		return nil, err
	}
	n := &note{path: notePath(dir, path, to), durable: durable}
	if err := n.open(os.O_CREATE); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// open opens the note, locks it and reads it.
func (n *note) open(flags int) error {
	for {
		f, err := os.OpenFile(n.path, os.O_RDWR|flags, partialMode)
		if err != nil {
			return err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			f.Close()
			return final(errSending)
		}
		n.file = f
		mine, err := f.Stat()
		there, gone := os.Stat(n.path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			break
		}
		f.Close() // it was removed by who had it
	}
	if text, err := io.ReadAll(n.file); err == nil {
		_ = json.Unmarshal(text, &n.upload) // what cannot be read is begun anew
	}
	return nil
}

// notePath is where the note of an upload is.
func notePath(dir, path string, to Place) string {
	hash := sha256.Sum256([]byte(absolute(path) + "\x00" + to.String()))
	return filepath.Join(dir, hex.EncodeToString(hash[:12])+".json")
}

// noteExists reports that an upload of this file was noted.
func noteExists(dir, path string, to Place) bool {
	_, err := os.Lstat(notePath(dir, path, to))
	return err == nil
}

// begin notes an upload.
func (n *note) begin(u upload) error {
	if n.upload = u; n.file == nil {
		return nil
	}
	text, err := json.Marshal(u)
	if err == nil {
		err = n.file.Truncate(0)
	}
	if err == nil {
		_, err = n.file.WriteAt(text, 0)
	}
	if err == nil && n.durable {
		err = errors.Join(n.file.Sync(), syncDirectory(filepath.Dir(n.path)))
	}
	return err
}

// keep leaves the note for a later process, if there is anything to go on with.
func (n *note) keep() {
	if n.Location == "" {
		n.done()
	} else if n.file != nil {
		n.file.Close()
	}
}

// done removes it.
func (n *note) done() {
	if n.file != nil {
		_ = os.Remove(n.path) // a note of an upload that is over is seen to be that
		n.file.Close()
	}
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
