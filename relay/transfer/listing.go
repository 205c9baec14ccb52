package transfer

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// What a server has is asked for by directories, or by a single name.

// listed is one name of a listing.
type listed struct {
	Href     string    `json:"href"`
	Kind     string    `json:"kind"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Mode     string    `json:"mode"`

	name string // of the file or directory, unescaped
}

const (
	kindFile      = "file"
	kindDirectory = "directory"
	// listingMost bounds a listing, in bytes: a drop lists 100 000 names at most.
	listingMost = 256 << 20
)

// list asks for what is in a directory.
func (c *caller) list(p Place) ([]listed, error) {
	var listing struct {
		Entries []listed `json:"entries"`
		More    bool     `json:"more"`
	}
	err := c.ask("GET", p, func(res *http.Response) error {
		switch res.StatusCode {
		case http.StatusOK:
		case http.StatusNotFound:
			return final(fmt.Errorf("%s: %w", p, errNotThere))
		default:
			return badStatus(p, res)
		}
		if res.Header.Get("Content-Type") != "application/json" {
			return final(fmt.Errorf("%s: the server lists no directories for programs; is it a relay?", p))
		}
		text, err := io.ReadAll(io.LimitReader(res.Body, listingMost))
		if err != nil {
			return cutOff(err)
		}
		if err := json.Unmarshal(text, &listing); err != nil {
			return final(fmt.Errorf("%s: a listing that cannot be read: %w", p, err))
		}
		return nil
	}, field{"Accept", "application/json"})
	if err != nil {
		return nil, err
	}
	if listing.More {
		return nil, fmt.Errorf("%s: more names are there than the drop lists; fetch its parts one by one", p)
	}
	for i := range listing.Entries {
		if err := listing.Entries[i].check(); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return listing.Entries, nil
}

// check makes sure that a listing can do no harm: a name is a name, not a way to
// somewhere else.
func (e *listed) check() error {
	escaped := e.Href
	if e.Kind == kindDirectory {
		escaped = strings.TrimSuffix(escaped, "/")
	}
	name, err := url.PathUnescape(escaped)
	e.name = name
	switch {
	case err != nil, name == "", name == ".", name == "..", strings.ContainsAny(name, "/\x00"), e.Size < 0,
		strings.ContainsAny(e.Href, "?#: \t\r\n"), e.Kind != kindFile && e.Kind != kindDirectory:
		return fmt.Errorf("the server lists a name that cannot be one: %q", e.Href)
	}
	return nil
}

// onServer asks about a single name; a kind of "" says that it is not there, or not with
// this digest, if there is one.
func (c *caller) onServer(to Place, like sum) (there listed, err error) {
	fields := []field{{"X-Relay-Want", "attributes"}}
	if like.By != NoSum {
		fields = append(fields, field{"Want-Repr-Digest", like.By.String() + "=1"})
	}
	err = c.once("HEAD", to, nil, func(res *http.Response) error {
		got, _ := parseSums(res.Header.Values("Repr-Digest"), like.By)
		if res.StatusCode == http.StatusOK && (like.By == NoSum || got.Equal(like)) {
			a := attributesOf(res.Header)
			there = listed{Kind: kindFile, Size: res.ContentLength, Modified: a.modified, Mode: formatMode(a.mode)}
		}
		return nil
	}, fields...)
	return there, err
}

// is reports that a name is a file of this size, time and mode.
func (e *listed) is(size int64, modified time.Time, mode os.FileMode) bool {
	has, ok := parseMode(e.Mode)
	return e.Kind == kindFile && e.Size == size && e.Modified.Equal(modified) && ok && has == mode
}
