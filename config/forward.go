package config

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// After is what becomes of a file that every forward has sent.
type After uint8

// The values of the key `after`.
const (
	AfterKeep    After = iota // it stays where it is
	AfterDelete               // it is removed
	AfterArchive              // it goes into the directory "archive" of the drop
)

var afterNames = []string{"keep", "delete", "archive"}

// String is the value as the file spells it.
func (a After) String() string { return afterNames[a] }

// Forward is one [[drop.forward]]: what lands in the drop is sent on.
type Forward struct {
	To          string // URL of a directory, with '/' at its end
	TokenFile   string // absolute, or relative to the process after loading; "" = none
	Match       []string
	Ignore      []string
	After       After
	Parallel    int
	Retry       time.Duration // most time between two tries
	GiveUpAfter time.Duration // 0 = never
	Digest      Digest
}

// Watch are the keys of a drop that say when a file is complete, and how they are found.
type Watch struct {
	Settle     time.Duration
	Rescan     time.Duration
	DoneMarker string // "" = none
}

var watchFields = []field[Watch]{
	scalar("settle", duration, func(w *Watch) *time.Duration { return &w.Settle }),
	scalar("rescan", timeout, func(w *Watch) *time.Duration { return &w.Rescan }),
	scalar("done_marker", suffix, func(w *Watch) *string { return &w.DoneMarker }),
}

const parallelMost = 64

var forwardFields = []field[Forward]{
	required(scalar("to", forwardURL, func(f *Forward) *string { return &f.To }), `to = "http://host:9000/in/"`),
	scalar("token_file", optionalFile, func(f *Forward) *string { return &f.TokenFile }),
	list("match", pattern, func(f *Forward) *[]string { return &f.Match }),
	list("ignore", pattern, func(f *Forward) *[]string { return &f.Ignore }),
	scalar("after", choice[After](afterNames), func(f *Forward) *After { return &f.After }),
	scalar("parallel", integer(1, parallelMost), func(f *Forward) *int { return &f.Parallel }),
	scalar("retry", timeout, func(f *Forward) *time.Duration { return &f.Retry }),
	scalar("give_up_after", duration, func(f *Forward) *time.Duration { return &f.GiveUpAfter }),
	scalar("digest", choice[Digest](digestNames), func(f *Forward) *Digest { return &f.Digest }),
}

func freshWatch() Watch { return Watch{Settle: time.Second, Rescan: 5 * time.Minute} }

func freshForward() Forward {
	return Forward{Parallel: 4, Retry: time.Minute, GiveUpAfter: 7 * 24 * time.Hour, Digest: DigestXXH3}
}

// forwardURL is a directory on another host.
func forwardURL(v any) (string, error) {
	s, ok := v.(string)
	u, err := url.Parse(s)
	if err == nil && u.Scheme == "https" {
		return "", fmt.Errorf("relay speaks no TLS yet; write http://, and go through a tunnel where others can listen, in place of %s", quote(s))
	}
	if !ok || err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/") {
		return "", fmt.Errorf(`%s is not the URL of a directory; write it like "http://host:9000/in/"`, quote(fmt.Sprint(v)))
	}
	return s, nil
}

// pattern is one of path.Match.
func pattern(v any) (string, error) {
	s, ok := v.(string)
	if _, err := path.Match(s, ""); !ok || err != nil || s == "" {
		return "", fmt.Errorf(`%s is not a pattern; write it like "*.csv" or "sub/*"`, quote(fmt.Sprint(v)))
	}
	return s, nil
}

// suffix is the end of a name.
func suffix(v any) (string, error) {
	s, ok := v.(string)
	if !ok || strings.ContainsAny(s, "/\x00") {
		return "", fmt.Errorf(`%s is not the end of a name; write it like ".done"`, quote(fmt.Sprint(v)))
	}
	return s, nil
}

// checkForwards finds forwards that contradict each other.
func checkForwards(w *walk, c *Config) {
	for i := range c.Drops {
		d := &c.Drops[i]
		seen := map[string]bool{}
		for j, f := range d.Forwards {
			at := nth("drop", i, d.Name).at("forward").element(j, "")
			if seen[f.To] && f.To != "" {
				w.mistake(at.at("to"), "%q stands here twice; leave one of the two out", f.To)
			}
			seen[f.To] = true
			if f.After != d.Forwards[0].After {
				w.mistake(at.at("after"), "%q, but %q for the first forward; a file goes one way only, so write the same", f.After, d.Forwards[0].After)
			}
		}
	}
}
