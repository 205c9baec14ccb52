package forward

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"relay/relay/transfer"
)

// record is what the book has of a file and one forward.
type record struct {
	Version transfer.Version `json:"version"`
	Sent    bool             `json:"sent"`
	Looped  bool             `json:"looped,omitempty"` // it came through here before; if neither, it was given up
	Error   string           `json:"error,omitempty"`  // why
	At      time.Time        `json:"at"`

	// Where files that look the same cannot be told apart, these count them. Away says that
	// the file was put away: one that looks like it is another.
	Away bool `json:"away,omitempty"`
	Turn int  `json:"turn,omitempty"`
}

// book is the memory of a Forwarder: a file that holds records, each durable when put
// has returned.
type book struct {
	db *bolt.DB
	id string // of this drop, for loops
	// since is when the book was first opened by a program that asks when files were made;
	// 0 if it was always. See transfer.IDs.
	since int64
}

const (
	// Directory is where a drop keeps what its forwards need, beneath it and hidden.
	Directory = ".relay-forward"
	// keepFor is how long a record outlives its file: after a loss of power a name that
	// was removed may be there again.
	keepFor = 24 * time.Hour
	// gatherTime is how long records wait for others to be synced with. Every courier's load
	// waits for it once, and a sync takes about as long.
	gatherTime = time.Millisecond
	// lockTime is how long to wait for another process that has the book.
	lockTime = 100 * time.Millisecond
)

var nodeBucket, idKey, sinceKey = []byte("node"), []byte("id"), []byte("born since")

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
	db.MaxBatchDelay = gatherTime
	b := &book{db: db}
	if err := db.Update(b.identify); err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// identify reads the id, or makes one, and since when the times of birth count.
func (b *book) identify(tx *bolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists(nodeBucket)
	if err != nil {
		return err
	}
	if id := bucket.Get(idKey); id != nil {
		b.id = string(id)
		text := bucket.Get(sinceKey)
		if text == nil {
			b.since = time.Now().UnixNano()
			return bucket.Put(sinceKey, strconv.AppendInt(nil, b.since, 10))
		}
		b.since, err = strconv.ParseInt(string(text), 10, 64)
		return err
	}
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	b.id = hex.EncodeToString(raw[:])
	return errors.Join(bucket.Put(idKey, []byte(b.id)), bucket.Put(sinceKey, []byte("0")))
}

func bucketOf(to string) []byte { return []byte("to " + to) }

// triesOf is the bucket of files of which a try has failed; At of such a record is since
// when the file is to be sent.
func triesOf(to string) []byte { return []byte("try " + to) }

// failed reports that the file was given up.
func (r record) failed() bool { return !r.Sent && !r.Looped }

// get is the record of a file and a forward.
func (b *book) get(to, path string) (record, bool) { return b.read(bucketOf(to), path) }

// tried is that of a file that was tried in vain.
func (b *book) tried(to, path string) (record, bool) { return b.read(triesOf(to), path) }

func (b *book) read(from []byte, path string) (r record, ok bool) {
	_ = b.db.View(func(tx *bolt.Tx) error { // what cannot be read is not there
		if bucket := tx.Bucket(from); bucket != nil {
			ok = json.Unmarshal(bucket.Get([]byte(path)), &r) == nil
		}
		return nil
	})
	return r, ok
}

// entry is a record of a file.
type entry struct {
	path string
	record
}

// put writes records; they are durable then, all or none. Several who write share a sync. That
// the files were tried before is forgotten.
func (b *book) put(to string, all ...entry) error {
	return b.write(bucketOf(to), all, func(tx *bolt.Tx, path string) error { return forget(tx, triesOf(to), path) })
}

// try notes since when files are to be sent that were tried in vain.
func (b *book) try(to string, all ...entry) error {
	return b.write(triesOf(to), all, func(*bolt.Tx, string) error { return nil })
}

func (b *book) write(into []byte, all []entry, also func(*bolt.Tx, string) error) error {
	if len(all) == 0 {
		return nil
	}
	err := b.db.Batch(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(into)
		if err != nil {
			return err
		}
		for _, e := range all {
			text, err := json.Marshal(e.record)
			if err != nil {
				return err
			}
			if err := errors.Join(bucket.Put([]byte(e.path), text), also(tx, e.path)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", b.db.Path(), err)
	}
	return nil
}

// remove forgets a file.
func (b *book) remove(to, path string) error {
	return b.db.Batch(func(tx *bolt.Tx) error {
		return errors.Join(forget(tx, bucketOf(to), path), forget(tx, triesOf(to), path))
	})
}

func forget(tx *bolt.Tx, from []byte, path string) error {
	if bucket := tx.Bucket(from); bucket != nil {
		return bucket.Delete([]byte(path))
	}
	return nil
}

// each calls f with every record of a forward.
func (b *book) each(to string, f func(path string, r record)) { b.eachIn(bucketOf(to), f) }

func (b *book) eachIn(from []byte, f func(path string, r record)) {
	_ = b.db.View(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(from)
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
	for _, from := range [][]byte{bucketOf(to), triesOf(to)} {
		b.eachIn(from, func(path string, r record) {
			if now.Sub(r.At) > keepFor && !there(path) {
				old = append(old, path)
			}
		})
	}
	for _, path := range old {
		_ = b.remove(to, path) // next time
	}
}

func (b *book) close() { b.db.Close() }
