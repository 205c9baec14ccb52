package config

import (
	"regexp"
	"strings"
	"time"
)

// Durability says what has happened to a file before its sender is told that it arrived.
type Durability uint8

// The values of the key `durability`.
const (
	DurabilityFsync Durability = iota // it survives a loss of power
	DurabilityNone                    // it survives the end of the process
)

var durabilityNames = []string{"fsync", "none"}

// String is the value as the file spells it.
func (d Durability) String() string { return durabilityNames[d] }

// Conflict says what becomes of a file whose name is taken.
type Conflict uint8

// The values of the key `on_conflict`.
const (
	ConflictReplace Conflict = iota
	ConflictFail
	ConflictKeepBoth
)

var conflictNames = []string{"replace", "fail", "keep_both"}

// String is the value as the file spells it.
func (c Conflict) String() string { return conflictNames[c] }

// Digest is what is computed of each file that arrives.
type Digest uint8

// The values of the key `digest`.
const (
	DigestNone Digest = iota // what its sender asks for
	DigestXXH3
	DigestSHA256
)

var digestNames = []string{"none", "xxh3-128", "sha-256"}

// String is the value as the file spells it.
func (d Digest) String() string { return digestNames[d] }

// Uploads are the keys of a drop that say what may be put into it, and how.
type Uploads struct {
	TokensFile       string // absolute, or relative to the process after loading; "" = no tokens
	Open             bool   // others than this machine may come without tokens
	Write            bool   // files may be put here
	Durability       Durability
	OnConflict       Conflict
	Digest           Digest
	FileSizeMax      int64         // bytes; 0 = no limit
	Quota            int64         // bytes of all files; 0 = no limit
	TTL              time.Duration // how long files are kept after they arrived; 0 = for ever
	OnArrival        []string      // a program and its arguments; empty = none
	OnArrivalTimeout time.Duration
	FreeReserve      int64 // bytes of the file system that are left to others
	UploadsMax       int   // at a time; 0 = no limit
	BodyRateMin      int64 // bytes a second; 0 = any
	BodyTimeout      time.Duration
	UploadExpiry     time.Duration // of what nobody goes on with
}

var uploadFields = []field[Uploads]{
	scalar("tokens_file", optionalFile, func(u *Uploads) *string { return &u.TokensFile }),
	scalar("open", yesNo, func(u *Uploads) *bool { return &u.Open }),
	scalar("write", yesNo, func(u *Uploads) *bool { return &u.Write }),
	scalar("durability", choice[Durability](durabilityNames), func(u *Uploads) *Durability { return &u.Durability }),
	scalar("on_conflict", choice[Conflict](conflictNames), func(u *Uploads) *Conflict { return &u.OnConflict }),
	scalar("digest", choice[Digest](digestNames), func(u *Uploads) *Digest { return &u.Digest }),
	scalar("file_size_max", size[int64](0, 1<<62), func(u *Uploads) *int64 { return &u.FileSizeMax }),
	scalar("quota", size[int64](0, 1<<62), func(u *Uploads) *int64 { return &u.Quota }),
	scalar("ttl", duration, func(u *Uploads) *time.Duration { return &u.TTL }),
	list("on_arrival", text, func(u *Uploads) *[]string { return &u.OnArrival }),
	scalar("on_arrival_timeout", timeout, func(u *Uploads) *time.Duration { return &u.OnArrivalTimeout }),
	scalar("free_reserve", size[int64](0, 1<<62), func(u *Uploads) *int64 { return &u.FreeReserve }),
	scalar("uploads_max", integer(0, sessionsMost), func(u *Uploads) *int { return &u.UploadsMax }),
	scalar("body_rate_min", size[int64](0, gib), func(u *Uploads) *int64 { return &u.BodyRateMin }),
	scalar("upload_expiry", timeout, func(u *Uploads) *time.Duration { return &u.UploadExpiry }),
	scalar("body_timeout", timeout, func(u *Uploads) *time.Duration { return &u.BodyTimeout }),
}

func freshUploads() Uploads {
	return Uploads{UploadsMax: 1024, BodyRateMin: kib, BodyTimeout: 30 * time.Second, UploadExpiry: 24 * time.Hour, OnArrivalTimeout: time.Minute}
}

// optionalFile is the path of a file, or "" for none.
func optionalFile(v any) (string, error) {
	if v == "" {
		return "", nil
	}
	return tokenFile(v)
}

// runsNames reports that a shell gets the path of a file as a part of what it is to run.
func runsNames(command []string) bool {
	shell := false
	for i, word := range command {
		if shell && strings.Contains(word, "{path}") && isShellText.MatchString(command[i-1]) {
			return true
		}
		shell = shell || isShell.MatchString(word)
	}
	return false
}

var (
	isShell     = regexp.MustCompile(`^(.*/)?(ba|da|z|k|mk|a)?sh$`)
	isShellText = regexp.MustCompile(`^-[a-z]*c$`) // the option before it
)

// checkDrops finds drops that anybody can reach although nobody said so, and programs
// that cannot be run.
func checkDrops(w *walk, c *Config) {
	for i, d := range c.Drops {
		if len(d.OnArrival) > 0 && !strings.HasPrefix(d.OnArrival[0], "/") {
			w.mistake(nth("drop", i, d.Name).at("on_arrival"), "%q is not the path of a program; write it like [\"/usr/local/bin/arrived\", \"{path}\"]", d.OnArrival[0])
		}
		if runsNames(d.OnArrival) {
			w.mistake(nth("drop", i, d.Name).at("on_arrival"), "the shell would run what stands in the names of files, and senders choose those; "+
				`write "$1" there (with the quotes), and "-", "{path}" as the words after it`)
		}
		if d.Open && d.TokensFile != "" {
			w.mistake(nth("drop", i, d.Name).at("open"), "there is a tokens_file, which says who may come; leave one of the two out")
		}
		if d.Open || d.TokensFile != "" {
			continue
		}
		for _, a := range d.Listen {
			if a.reachedFromElsewhere() {
				w.mistake(nth("drop", i, d.Name).at("listen"), "%q is reached from other machines, and there are no tokens; "+
					"write tokens_file = \"relay.tokens\" (`relay token new` makes them), or open = true to let everybody in", a)
			}
		}
	}
}

// reachedFromElsewhere is not known of the sockets that systemd brings: the drop looks
// at those when it has them.
func (a Address) reachedFromElsewhere() bool { return a.TCP.IsValid() && !a.TCP.Addr().IsLoopback() }
