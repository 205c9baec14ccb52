package transfer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
)

// A small file is put in one request, from memory. It goes under an id: should the answer
// be lost, it is sent again under the same one, and a drop that has published it answers
// as it did then. So it appears once, also where the drop keeps both of two files of a
// name, or refuses the second.

// transferField is the field that has the id.
const transferField = "X-Relay-Transfer"

// idBytes is the size of an id, in bytes.
const idBytes = 16

func newID() string {
	var b [idBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// IDs are what the ids of a Courier's small files follow from, besides the files. It must
// stay the same for as long as a file may be sent again.
type IDs struct {
	Secret string // keeps others from guessing them
	// Since is from when on the time that a file was made, in nanoseconds since 1970,
	// counts. The ids of older files are those that programs gave that did not ask for it.
	Since int64
}

// of is the id of this content of a file on its way to a place: always the same, so that
// nobody has to remember it. turn is how many like it went before; see Parcel.
func (i IDs) of(to Place, v Version, turn int) string {
	text := fmt.Appendf(nil, "%s\x00%s\x00%d %d %d", i.Secret, to, v.Ino, v.Size, v.Mtime)
	if v.Born > i.Since {
		text = fmt.Appendf(text, " born %d", v.Born)
	}
	if turn > 0 {
		text = fmt.Appendf(text, " turn %d", turn)
	}
	hash := sha256.Sum256(text)
	return hex.EncodeToString(hash[:idBytes])
}

// read takes a small file into memory, and finds its digest.
func (c *caller) read(p *post, s *source, into []byte) ([]byte, error) {
	content, err := s.readAll(into)
	if err == nil && c.run.Digest != NoSum {
		h := c.run.Digest.New()
		h.Write(content)
		p.sum = sum{By: c.run.Digest, Value: h.Sum(nil)}
	}
	return content, err
}

// fields describe a small file that goes under this id.
func (p *post) fields(s *source, id string) []field {
	fields := append(s.attributes(), p.extra...)
	if p.sum.By != NoSum {
		fields = append(fields, field{"Repr-Digest", p.sum.String()})
	}
	return append(fields, field{transferField, id})
}

// putSmall sends a small file. errGrown says that it is none, or that it was begun as a
// large one.
func (c *Courier) putSmall(p *post) error {
	for {
		err := c.putOnce(p)
		if !errors.Is(err, errChanged) && !errors.Is(err, errSpoilt) {
			return err
		}
		if p.spoilt++; p.spoilt >= changesMost {
			return fmt.Errorf("%s: given up after %d times: %w", p.path, p.spoilt, err)
		}
	}
}

// readSmall reads a small file. The source tells what it is, and is closed.
func (c *Courier) readSmall(p *post) (*source, []byte, error) {
	s, err := p.open()
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	if s.look.Size > inMemory || noteExists(c.run.StateDir, p.path, p.to) {
		return nil, nil, errGrown
	}
	if c.scratch == nil {
		c.scratch = make([]byte, inMemory)
	}
	content, err := c.read(p, s, c.scratch)
	return s, content, err
}

func (c *Courier) putOnce(p *post) error {
	s, content, err := c.readSmall(p)
	if err != nil {
		return err
	}
	fields := p.fields(s, c.ids.of(p.to, s.look.Version, p.turn))
	b := &body{int64(len(content)), func(w *wire, _ <-chan struct{}) error { return w.write(content) }}
	err = c.once("PUT", p.to, b, func(res *http.Response) error {
		c.run.bundles.learn(res)
		return taken(p.to, res)
	}, fields...)
	if err == nil {
		c.run.moved(int64(len(content)))
	}
	return err
}
