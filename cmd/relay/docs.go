//go:build docs

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra/doc"
)

// Built with the tag docs, the program writes its man pages into a directory and ends:
// `go run -tags docs ./cmd/relay DIRECTORY`. What it takes to write them is not in the
// program that runs.
func init() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "the man pages go into which directory?")
		os.Exit(exitUsage)
	}
	if err := writePages(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
	os.Exit(0)
}

func writePages(directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	header := &doc.GenManHeader{Section: "1", Source: "relay " + version, Manual: "relay"} // dated by SOURCE_DATE_EPOCH
	os.Unsetenv("XDG_STATE_HOME")                                                          // a page has the defaults of its readers, not those of who made it
	os.Setenv("HOME", "~")
	commands := root()
	commands.DisableAutoGenTag = true
	if err := doc.GenManTree(commands, header, directory); err != nil {
		return err
	}
	text, err := os.ReadFile("examples/all-options.toml")
	if err != nil {
		return err
	}
	page := configPage(string(text), version)
	return os.WriteFile(filepath.Join(directory, "relay.toml.5"), []byte(page), 0o644)
}
