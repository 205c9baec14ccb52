package forward

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// version tells one content of a name from another: what replaces a file is another
// file, and what is written to has another time.
type version struct {
	Ino   uint64 `json:"ino"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"` // nanoseconds since 1970
}

func versionOf(st *unix.Stat_t) version { return version{st.Ino, st.Size, st.Mtim.Nano()} }

// record is what the book has of a file and one forward.
type record struct {
	Version version   `json:"version"`
	Sent    bool      `json:"sent"`
	Looped  bool      `json:"looped,omitempty"` // it came through here before; if neither, it was given up
	Error   string    `json:"error,omitempty"`  // why
	At      time.Time `json:"at"`
}

// book is the memory of a Forwarder: a file that holds records, each durable when put
// has returned.
type book struct {
	db *bolt.DB
	id string // of this drop, for loops
}

const (
	// Directory is where a drop keeps what its forwards need, beneath it and hidden.
	Directory = ".relay-forward"
	// keepFor is how long a record outlives its file: after a loss of power a name that
	// was removed may be there again.
	keepFor = 24 * time.Hour
	// lockTime is how long to wait for another process that has the book.
	lockTime = 100 * time.Millisecond
)

var nodeBucket, idKey = []byte("node"), []byte("id")

func openBook(drop string) (*book, error) {
	dir := filepath.Join(drop, Directory)
	const mine = 0o700
	if err := os.MkdirAll(dir, mine); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "book"), 0o600, &bolt.Options{Timeout: lockTime})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: another relay forwards from this directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	b := &book{db: db}
	if err := db.Update(b.identify); err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// identify reads the id, or makes one.
func (b *book) identify(tx *bolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists(nodeBucket)
	if err != nil {
		return err
	}
	if id := bucket.Get(idKey); id != nil {
		b.id = string(id)
		return nil
	}
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	b.id = hex.EncodeToString(raw[:])
	return bucket.Put(idKey, []byte(b.id))
}

func bucketOf(to string) []byte { return []byte("to " + to) }

// failed reports that the file was given up.
func (r record) failed() bool { return !r.Sent && !r.Looped }

// get is the record of a file and a forward.
func (b *book) get(to, path string) (r record, ok bool) {
	_ = b.db.View(func(tx *bolt.Tx) error { // what cannot be read is not there
		if bucket := tx.Bucket(bucketOf(to)); bucket != nil {
			ok = json.Unmarshal(bucket.Get([]byte(path)), &r) == nil
		}
		return nil
	})
	return r, ok
}

// put writes a record; it is durable then. Several at a time share a sync.
func (b *book) put(to, path string, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = b.db.Batch(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(bucketOf(to))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(path), text)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", b.db.Path(), err)
	}
	return nil
}

// remove forgets a file.
func (b *book) remove(to, path string) error {
	return b.db.Batch(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket(bucketOf(to)); bucket != nil {
			return bucket.Delete([]byte(path))
		}
		return nil
	})
}

// each calls f with every record of a forward.
func (b *book) each(to string, f func(path string, r record)) {
	_ = b.db.View(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(bucketOf(to))
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(k, v []byte) error {
			var r record
			if json.Unmarshal(v, &r) == nil {
				f(string(k), r)
			}
			return nil
		})
	})
}

// prune forgets files that have been gone for long.
func (b *book) prune(to string, there func(path string) bool, now time.Time) {
	var old []string
	b.each(to, func(path string, r record) {
		if now.Sub(r.At) > keepFor && !there(path) {
			old = append(old, path)
		}
	})
	for _, path := range old {
		_ = b.remove(to, path) // next time
	}
}

func (b *book) close() { b.db.Close() }
