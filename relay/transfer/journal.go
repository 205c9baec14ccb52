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

// journal remembers an upload beyond the end of this process: where it goes on, and for
// what file. It is locked, so that two processes do not send the same file to the same
// place at once. Without a directory for it, it ends with the process.
type journal struct {
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

// openJournal reads what is known of sending this file there.
func openJournal(dir, path string, to Place, durable bool) (*journal, error) {
	if dir == "" {
		return &journal{}, nil
	}
	const mine = 0o700
	if err := os.MkdirAll(dir, mine); err != nil {
		return nil, err
	}
	j := &journal{path: journalPath(dir, path, to), durable: durable}
	if err := j.open(os.O_CREATE); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// open opens the note, locks it and reads it.
func (j *journal) open(flags int) error {
	for {
		f, err := os.OpenFile(j.path, os.O_RDWR|flags, partialMode)
		if err != nil {
			return err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			f.Close()
			return final(errSending)
		}
		j.file = f
		mine, err := f.Stat()
		there, gone := os.Stat(j.path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			break
		}
		f.Close() // it was removed by who had it
	}
	if text, err := io.ReadAll(j.file); err == nil {
		_ = json.Unmarshal(text, &j.upload) // what cannot be read is begun anew
	}
	return nil
}

// journalPath is where the note of an upload is.
func journalPath(dir, path string, to Place) string {
	hash := sha256.Sum256([]byte(absolute(path) + "\x00" + to.String()))
	return filepath.Join(dir, hex.EncodeToString(hash[:12])+".json")
}

// begin notes an upload.
func (j *journal) begin(u upload) error {
	if j.upload = u; j.file == nil {
		return nil
	}
	text, err := json.Marshal(u)
	if err == nil {
		err = j.file.Truncate(0)
	}
	if err == nil {
		_, err = j.file.WriteAt(text, 0)
	}
	if err == nil && j.durable {
		err = errors.Join(j.file.Sync(), syncDirectory(filepath.Dir(j.path)))
	}
	return err
}

// keep leaves the note for a later process, if there is anything to go on with.
func (j *journal) keep() {
	if j.Location == "" {
		j.done()
	} else if j.file != nil {
		j.file.Close()
	}
}

// done removes it.
func (j *journal) done() {
	if j.file != nil {
		_ = os.Remove(j.path) // a note of an upload that is over is seen to be that
		j.file.Close()
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
