package bundle

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

const (
	// Type is the media type of a bundle.
	Type = "application/x-relay-files"
	// Via is the field that has the ids of the drops that a file, or each of a bundle, came
	// through (package forward).
	Via = "X-Relay-Via"
	// ViaMost bounds it, in bytes: forty drops.
	ViaMost = 700
)

const (
	// FilesMost bounds the files of a bundle: what one worker does in one go.
	FilesMost = 128
	// DepthMost is how many directories a file may be beneath: to make many for each of many
	// files would keep a worker from everybody for long.
	DepthMost = 32
	// lineMost bounds the line of a file, in bytes: what stands in it goes into logs.
	lineMost = 16 << 10
	// BytesMost bounds a bundle, in bytes.
	BytesMost = 1 << 20
)

// File is one of those in a bundle. Its texts are as they stand there; "" is "-".
type File struct {
	Path    string // escaped, beneath the directory that the bundle is for
	Mtime   string
	Mode    string
	ID      string
	Digests string
	Content []byte
}

var (
	errLine = errors.New("a line of the bundle is not PATH SIZE MTIME MODE ID DIGESTS")
	errSize = errors.New("the bundle ends before a file does")
	errMany = errors.New("there are more than " + strconv.Itoa(FilesMost) + " files in the bundle")
)

// Append writes a file behind others. Its texts hold neither spaces nor line breaks, but
// for the digests, which may hold spaces.
func Append(b []byte, f *File) []byte {
	b = append(append(b, f.Path...), ' ')
	b = strconv.AppendInt(b, int64(len(f.Content)), 10)
	for _, text := range []string{f.Mtime, f.Mode, f.ID, f.Digests} {
		if text == "" {
			text = "-"
		}
		b = append(append(b, ' '), text...)
	}
	b = append(b, '\n')
	return append(b, f.Content...)
}

// Read finds the files in a bundle. Their contents are parts of b.
func Read(b []byte) (files []File, err error) {
	for len(b) > 0 {
		if len(files) == FilesMost {
			return nil, errMany
		}
		f, rest, err := next(b)
		if err != nil {
			return nil, err
		}
		files, b = append(files, f), rest
	}
	return files, nil
}

func next(b []byte) (f File, rest []byte, err error) {
	end := bytes.IndexByte(b[:min(len(b), lineMost)], '\n')
	if end < 0 {
		return f, nil, errLine
	}
	const texts = 6
	part := strings.SplitN(string(b[:end]), " ", texts)
	if len(part) < texts || part[0] == "" {
		return f, nil, errLine
	}
	size, err := strconv.ParseUint(part[1], 10, 31)
	if err != nil {
		return f, nil, errLine
	}
	b = b[end+1:]
	if size > uint64(len(b)) {
		return f, nil, errSize
	}
	for i := range part[2:] {
		if text := &part[2+i]; *text == "-" {
			*text = ""
		}
	}
	f = File{Path: part[0], Mtime: part[2], Mode: part[3], ID: part[4], Digests: part[5], Content: b[:size:size]}
	return f, b[size:], nil
}

// AppendAnswer writes the line of a file: its status, and what is to be said of that.
func AppendAnswer(b []byte, status int, text string) []byte {
	b = strconv.AppendInt(b, int64(status), 10)
	if text != "" {
		b = append(append(b, ' '), strings.ReplaceAll(text, "\n", " ")...)
	}
	return append(b, '\n')
}

// Answer is what became of a file.
type Answer struct {
	Status int
	Text   string // why it was refused, or the other name that it has got
}

var errAnswer = errors.New("the answer to a bundle has not a line for each file")

// ReadAnswers reads the lines of so many files.
func ReadAnswers(b []byte, files int) ([]Answer, error) {
	all := make([]Answer, 0, files)
	for line := range strings.Lines(string(b)) {
		digits, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		status, err := strconv.ParseUint(digits, 10, 10)
		if err != nil || len(all) == files {
			return nil, errAnswer
		}
		all = append(all, Answer{int(status), text})
	}
	if len(all) < files {
		return nil, errAnswer
	}
	return all, nil
}
