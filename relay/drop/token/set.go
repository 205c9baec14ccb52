package token

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Rights are what a token allows.
type Rights uint8

// The rights. Write brings files and directories, Delete takes them away and, with Write,
// moves them -- but what may not be read not to where it may.
const (
	Read Rights = 1 << iota
	Write
	List
	Delete
)

var rightNames = []struct {
	right Rights
	name  string
}{{Read, "read"}, {Write, "write"}, {List, "list"}, {Delete, "delete"}}

// ParseRights reads a list like "read,list".
func ParseRights(s string) (r Rights, err error) {
next:
	for word := range strings.SplitSeq(s, ",") {
		for _, n := range rightNames {
			if n.name == word {
				r |= n.right
				continue next
			}
		}
		return 0, fmt.Errorf("%q is no right; write some of read, write, list and delete, with commas between them", word)
	}
	return r, nil
}

// String is the list as a file has it.
func (r Rights) String() string {
	var all []string
	for _, n := range rightNames {
		if r&n.right != 0 {
			all = append(all, n.name)
		}
	}
	return strings.Join(all, ",")
}

// Grant is what somebody may do: each right below a prefix.
type Grant struct {
	Name  string // whose; "" = of those without a token
	parts []part
}

type part struct {
	rights Rights
	prefix string // without slashes at the ends; "" = everything
}

// Everything allows these rights everywhere.
func Everything(r Rights) Grant { return Grant{parts: []part{{rights: r}}} }

// May reports that a right holds for a path, relative to the directory and clean ("."
// is the directory).
func (g *Grant) May(r Rights, path string) bool {
	for _, p := range g.parts {
		if p.rights&r == r && p.covers(path) {
			return true
		}
	}
	return false
}

// None reports that nothing is allowed.
func (g *Grant) None() bool { return len(g.parts) == 0 }

func (p *part) covers(path string) bool {
	rest, ok := strings.CutPrefix(path, p.prefix)
	return p.prefix == "" || ok && (rest == "" || rest[0] == '/')
}

// Set is the content of a file. It does not change.
type Set struct {
	anyone Grant
	tokens []holder
}

type holder struct {
	hash  [sha256.Size]byte
	grant Grant
}

// Anyone is what those may who show no token.
func (s *Set) Anyone() Grant { return s.anyone }

// Find is what a secret opens; false says that it is none of these. The time it takes
// tells nothing of how near a guess was.
func (s *Set) Find(secret string) (Grant, bool) {
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range s.tokens {
		equal := subtle.ConstantTimeCompare(hash[:], s.tokens[i].hash[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return Grant{}, false
	}
	return s.tokens[found].grant, true
}

// fileMost bounds a file of tokens, in bytes.
const fileMost = 4 << 20

// Load reads a file of tokens. Its errors name every bad line.
func Load(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := parse(io.LimitReader(f, fileMost))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

const (
	anyone     = "*"
	noHash     = "-"
	hashPrefix = "sha256:"
)

// parse reads tokens.
func parse(r io.Reader) (*Set, error) {
	s := &Set{}
	var bad []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if err := s.line(text); err != nil {
			bad = append(bad, fmt.Errorf("line %d: %w", n, err))
		}
	}
	if err := lines.Err(); err != nil {
		bad = append(bad, err)
	}
	return s, errors.Join(bad...)
}

func (s *Set) line(text string) error {
	words := strings.Fields(text)
	if len(words) != 4 {
		return fmt.Errorf("has %d words; write name, rights, prefix and hash, as `relay token new` does", len(words))
	}
	rights, err := ParseRights(words[1])
	if err != nil {
		return err
	}
	prefix, err := ParsePrefix(words[2])
	if err != nil {
		return err
	}
	p := part{rights, prefix}
	if words[0] == anyone {
		if words[3] != noHash {
			return errors.New(`"*" is for those without a token; write "-" for its hash`)
		}
		s.anyone.parts = append(s.anyone.parts, p)
		return nil
	}
	digits, ok := strings.CutPrefix(words[3], hashPrefix)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != sha256.Size {
		return errors.New("the hash is none; write what `relay token new` gives, sha256: and 64 digits")
	}
	s.add([sha256.Size]byte(raw), words[0], p)
	return nil
}

// add gives a token one more part, or makes it.
func (s *Set) add(hash [sha256.Size]byte, name string, p part) {
	for i := range s.tokens {
		if s.tokens[i].hash == hash {
			s.tokens[i].grant.parts = append(s.tokens[i].grant.parts, p)
			return
		}
	}
	s.tokens = append(s.tokens, holder{hash, Grant{Name: name, parts: []part{p}}})
}

// ParsePrefix reads a path like "/in/", below which a token holds.
func ParsePrefix(s string) (string, error) {
	if !strings.HasPrefix(s, "/") {
		return "", fmt.Errorf("%q is no prefix; write a path that begins with '/', like /in/", s)
	}
	clean := strings.Trim(s, "/")
	for part := range strings.SplitSeq(clean, "/") {
		if clean != "" && (part == "" || part == "." || part == "..") {
			return "", fmt.Errorf("%q is no prefix; write a path without empty parts, \".\" and \"..\"", s)
		}
	}
	return clean, nil
}
