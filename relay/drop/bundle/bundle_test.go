package bundle

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestThereAndBack(t *testing.T) {
	want := []File{
		{Path: "/a%20b", Mtime: "1.5", Mode: "0644", ID: "0a", Digests: "sha-256=:a:, xxh3-128=:b:", Content: []byte("x 1 - - - -\n")},
		{Path: "/", Content: []byte{}},
		{Path: "/c", Mode: "0400", Content: []byte("\x00\n\n")},
	}
	var b []byte
	for i := range want {
		b = Append(b, &want[i])
	}
	got, err := Read(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Read(nil); len(got) != 0 || err != nil {
		t.Errorf("nothing is %+v, %v", got, err)
	}
}

func TestWhatIsNoBundle(t *testing.T) {
	line := "/a 1 - - - -\nx"
	for text, want := range map[string]error{
		"/a 1 - - - -":                         errLine,
		"/a 1 - - -\nx":                        errLine,
		" 1 - - - -\nx":                        errLine,
		"/a -1 - - - -\nx":                     errLine,
		"/a +1 - - - -\nx":                     errLine,
		"/a 0x1 - - - -\nx":                    errLine,
		"/a 99999999999999999999 - - - -\nx":   errLine,
		"/a 2147483648 - - - -\nx":             errLine,
		"/a 2 - - - -\nx":                      errSize,
		line + "rest":                          errLine,
		strings.Repeat(line, FilesMost) + line: errMany,
	} {
		if files, err := Read([]byte(text)); err != want || files != nil {
			t.Errorf("%.40q: %d files, %v", text, len(files), err)
		}
	}
	if files, err := Read([]byte(strings.Repeat(line, FilesMost))); err != nil || len(files) != FilesMost {
		t.Errorf("as many as there may be: %d, %v", len(files), err)
	}
}

func TestAnswers(t *testing.T) {
	b := AppendAnswer(AppendAnswer(nil, 201, ""), 409, "two\nlines")
	got, err := ReadAnswers(b, 2)
	if want := []Answer{{201, ""}, {409, "two lines"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, n := range []int{0, 1, 3} {
		if got, err := ReadAnswers(b, n); err != errAnswer {
			t.Errorf("for %d files: %v, %v", n, got, err)
		}
	}
	for _, text := range []string{"\n", "x\n", "-1\n", "2000\n", "201\n\n"} {
		if got, err := ReadAnswers([]byte(text), 1); err != errAnswer {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// What is read says the same when it is written again.
func FuzzRead(f *testing.F) {
	f.Add([]byte("/a 1 1.5 0644 0a sha-256=:a:\nx/b 0 - - - -\n"))
	f.Add([]byte("/a 01 - - - - -\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := Read(b)
		if err != nil {
			return
		}
		var again []byte
		size := 0
		for i := range files {
			again = Append(again, &files[i])
			size += len(files[i].Content)
		}
		if size > len(b) {
			t.Errorf("%d bytes of content in %d", size, len(b))
		}
		if same, err := Read(again); err != nil || !reflect.DeepEqual(same, files) {
			t.Errorf("%+v is %+v, %v", files, same, err)
		}
	})
}

func FuzzReadAnswers(f *testing.F) {
	f.Add([]byte("201\n409 why\n"), 2)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > FilesMost {
			return
		}
		all, err := ReadAnswers(b, n)
		if err != nil {
			return
		}
		if len(all) != n || bytes.Count(b, []byte("\n")) > n {
			t.Errorf("%d answers of %q for %d files", len(all), b, n)
		}
	})
}
