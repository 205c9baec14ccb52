package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
)

// fileMax is more than any sensible configuration (some 15 000 backends), and
// keeps a wrong path, such as a device or a disk image, out of memory.
const fileMax = mib

// readTimeout is how long the writer of a pipe may take.
const readTimeout = 10 * time.Second

// Load reads a file. What is wrong with its contents comes back as Errors; any
// other error says why it could not be read.
func Load(path string) (*Config, error) {
	// A FIFO in the file's place, to which nobody writes, must not hold up a reload for
	// ever: opened so it says that it is empty, and a silent writer runs out of time.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read the configuration (--config FILE says where it is): %w", err)
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(readTimeout)) // a regular file knows none, and needs none
	data, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse is Load for a text already in memory. The name of the file stands in
// messages, and relative paths in the text are relative to its directory. Every
// error is of type Errors.
func Parse(file string, data []byte) (*Config, error) {
	if len(data) > fileMax {
		return nil, Errors{{File: file, Text: "larger than " + formatSize(fileMax) + "; is this a configuration?"}}
	}
	text := string(data)
	found, deep := findLines(text)
	if deep > 0 {
		return nil, Errors{{File: file, Line: deep, Text: "nested too deep; is this a configuration?"}}
	}
	var root tree
	if _, err := toml.Decode(text, &root); err != nil {
		return nil, Errors{syntaxMistake(file, err)}
	}
	w := &walk{file: file, lines: found}
	c := Default()
	c.File = file
	fill(w, place{}, root, rootFields, c)
	resolvePaths(c)
	validate(w, root, c)
	if len(w.mistakes) > 0 {
		return nil, w.sorted()
	}
	return c, nil
}

// syntaxMistake puts the library's error into our form. It stands alone: what
// follows a syntax error cannot be trusted.
func syntaxMistake(file string, err error) Mistake {
	m := Mistake{File: file, Text: "not valid TOML: " + oneLine(err.Error())}
	if at, ok := errors.AsType[toml.ParseError](err); ok {
		m.Line, m.Column = at.Position.Line, at.Position.Col
		m.Text = "not valid TOML: " + oneLine(at.Message)
	}
	return m
}

// oneLine spells out the control characters that the library may quote from the
// file, so that a mistake stays one line.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
