package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const (
	defaultFile    = "../relay.toml"
	allOptionsFile = "../examples/all-options.toml"
)

// shippedFiles are the configurations that a user starts from.
func shippedFiles(t testing.TB) []string {
	files, err := filepath.Glob("../examples/*.toml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	return append(files, "../examples/systemd/relay.toml", defaultFile)
}

func TestShippedFilesLoad(t *testing.T) {
	for _, file := range shippedFiles(t) {
		c, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, d := range c.Drops {
			if info, err := os.Stat(d.Directory); err != nil || !info.IsDir() {
				t.Errorf("%s: drop %s: directory: %v", file, d.Name, err)
			}
		}
	}
}

func TestTheReadmeShowsFilesThatLoad(t *testing.T) {
	text := read(t, "../examples/README.md")
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Error("no block of TOML")
	}
	for _, b := range blocks {
		parse(t, "README.md", b[1])
	}
}

// defaultLine is a key that is commented out to show its default.
var defaultLine = regexp.MustCompile(`(?m)^#([a-z_]+ = )`)

// optionalLine is a line of a table that is not there by default.
var optionalLine = regexp.MustCompile(`(?m)^#  (\[\[?[a-z_.]+\]|[a-z_]+ = )`)

func TestCommentedKeysShowDefaults(t *testing.T) {
	text := read(t, defaultFile)
	as := parse(t, defaultFile, text)
	said := parse(t, defaultFile, defaultLine.ReplaceAllString(text, "$1"))
	inheritChunks(as)
	inheritChunks(said)
	if !reflect.DeepEqual(as, said) {
		t.Errorf("as it stands    %+v\nwith its comments %+v", as, said)
	}
}

// inheritChunks writes out what a missing splice_chunk means.
func inheritChunks(c *Config) {
	for i := range c.Listeners {
		c.Listeners[i].SpliceChunk = max(c.Listeners[i].SpliceChunk, c.Engine.SpliceChunk)
	}
	for i := range c.Upstreams {
		c.Upstreams[i].SpliceChunk = max(c.Upstreams[i].SpliceChunk, c.Engine.SpliceChunk)
	}
	for i := range c.Drops {
		c.Drops[i].SpliceChunk = max(c.Drops[i].SpliceChunk, c.Engine.SpliceChunk)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	shown := optionalLine.ReplaceAllString(read(t, defaultFile), "$1")
	parse(t, defaultFile, shown)
	byDefault := keysIn(t, defaultLine.ReplaceAllString(shown, "$1"))
	explained := keysIn(t, read(t, allOptionsFile))
	for _, f := range rootFields {
		for _, path := range f.paths {
			if !byDefault[path] {
				t.Errorf("%s is not in relay.toml, set or commented out", path)
			}
			if !explained[path] {
				t.Errorf("%s is not in examples/all-options.toml", path)
			}
		}
	}
}

// keysIn are the paths of a file's keys, whichever table of an array they are in.
func keysIn(t *testing.T, text string) map[string]bool {
	t.Helper()
	var root tree
	meta, err := toml.Decode(text, &root)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, k := range meta.Keys() {
		keys[strings.Join(k, ".")] = true
	}
	return keys
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
