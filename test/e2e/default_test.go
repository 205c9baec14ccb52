//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"relay/test/harness"
)

// repository is the root of the source tree.
const repository = "../.."

// newcomer is what somebody has who typed `make run`: relay.toml running as it stands,
// but on free ports and on a copy of its files.
type newcomer struct {
	*harness.Relay
	dir   string            // with examples/files and relay.toml in it
	ports *strings.Replacer // from the addresses of relay.toml to those of this run
}

func startDefault(t testing.TB) *newcomer {
	t.Helper()
	n := &newcomer{dir: t.TempDir()}
	var swap []string
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9901"} {
		swap = append(swap, address, freeAddress(t, "127.0.0.1"))
	}
	n.ports = strings.NewReplacer(swap...)
	files := filepath.Join(n.dir, "examples", "files")
	if err := os.CopyFS(files, os.DirFS(filepath.Join(repository, "examples", "files"))); err != nil {
		t.Fatal(err)
	}
	text := n.ports.Replace(read(t, filepath.Join(repository, "relay.toml")))
	write(t, filepath.Join(n.dir, "relay.toml"), text)
	n.Relay = harness.Launch(t, strings.ReplaceAll(text, `"examples/files"`, `"`+files+`"`))
	n.Message(t, "ready")
	return n
}

// url is that of a path on the listener of relay.toml.
func (n *newcomer) url(path string) string {
	return "http://" + n.ports.Replace("127.0.0.1:8080") + path
}

// TestDefault takes every file that relay.toml serves through its listener, which
// balances over both addresses of its drop.
func TestDefault(t *testing.T) {
	n := startDefault(t)
	files := filepath.Join(n.dir, "examples", "files")
	eachFile(t, files, func(name string) {
		got := filepath.Join(t.TempDir(), "got")
		curl(t, "-f", "-o", got, n.url("/"+name)).ok(t)
		wantSame(t, got, filepath.Join(files, name))
	})
	backends := map[string]bool{}
	for _, s := range n.Sessions() {
		backends[s.Backend] = true
	}
	if len(backends) != 2 {
		t.Errorf("sessions went to %v, want two backends", backends)
	}
	n.Stop(t)
}

// TestTryThis types what examples/files/try-this.txt tells people to type, one block
// after the other, and looks for what they are told to look for.
func TestTryThis(t *testing.T) {
	n := startDefault(t)
	shows := map[string]string{
		"The listing":        `href="README.txt"`,
		"A file, with":       "HTTP/1.1 200 OK",
		"A part of a file":   " 1024 ......",
		"Ask again":          "HTTP/1.1 304 Not Modified",
		"Two requests":       "Re-using existing connection",
		"A download cut off": "whole",
		"What cannot be":     "HTTP/1.1 400",
		"Something that":     "",
		"A stop that lets":   "",
	}
	for _, b := range blocks(read(t, filepath.Join(repository, "examples", "files", "try-this.txt"))) {
		t.Run(b.title, func(t *testing.T) {
			p := program(t, "sh", "-ec", "exec 2>&1\n"+n.here(b.commands))
			p.Dir = n.dir
			said := p.ok(t)
			want, known := find(shows, b.title)
			if !known || !strings.Contains(said, want) {
				t.Errorf("%q is not in what it says (nothing is known: %v)", want, !known)
			}
		})
	}
	n.Stop(t)
}

// here fits commands to this run: its ports, and a tenth of the large file.
func (n *newcomer) here(commands string) string {
	return strings.ReplaceAll(n.ports.Replace(commands), "head -c 1G", "head -c 100M")
}

// block is a title and the indented commands below it.
type block struct{ title, commands string }

var blockPattern = regexp.MustCompile(`(?m)^(\S.*)\n((?:\S.*\n)*)((?: {4}.*\n)+)`)

func blocks(text string) []block {
	var all []block
	for _, m := range blockPattern.FindAllStringSubmatch(text, -1) {
		all = append(all, block{title: m[1], commands: m[3]})
	}
	return all
}

// find is the entry whose key the title begins with.
func find(m map[string]string, title string) (string, bool) {
	for key, value := range m {
		if strings.HasPrefix(title, key) {
			return value, true
		}
	}
	return "", false
}
