package token

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThereAndBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("# mine\n*  read,list  /pub/  -"), 0o600); err != nil {
		t.Fatal(err)
	}
	alice, line, err := New("alice", Read|Write, "/in")
	if err != nil {
		t.Fatal(err)
	}
	bob, line2, err := New("bob", Read|Write|List|Delete, "/")
	if err != nil {
		t.Fatal(err)
	}
	if err := Append(path, line); err != nil {
		t.Fatal(err)
	}
	if err := Append(path, line2+strings.Replace(line, "read,write  /in/", "list  /out/", 1)); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if strings.Contains(string(text), alice) || alice == bob || len(alice) < 40 {
		t.Errorf("the secret %s is in the file, or not one", alice)
	}
	for _, c := range []struct {
		secret string
		right  Rights
		path   string
		may    bool
	}{
		{alice, Read, "in/a", true},
		{alice, Write, "in", true},
		{alice, Read | Write, "in/a/b", true},
		{alice, Read | List, "in/a", false},
		{alice, List, "out/x", true},
		{alice, Read, "out/x", false},
		{alice, Read, "inn/a", false},
		{alice, Read, "i", false},
		{alice, Read, ".", false},
		{bob, Read | Write | List | Delete, ".", true},
		{bob, Delete, "any/where", true},
		{"", Read, "pub/a", true},
		{"", Write, "pub/a", false},
		{"", Read, "in/a", false},
	} {
		g, ok := s.Anyone(), true
		if c.secret != "" {
			g, ok = s.Find(c.secret)
		}
		if !ok || g.May(c.right, c.path) != c.may {
			t.Errorf("%.10s may %v at %s: %v, want %v", c.secret, c.right, c.path, !c.may, c.may)
		}
	}
	for _, wrong := range []string{"", "x", alice[:len(alice)-1], alice + "x"} {
		if _, ok := s.Find(wrong); ok {
			t.Errorf("%q is a token", wrong)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

func TestEveryBadLineIsNamed(t *testing.T) {
	const hash = "sha256:5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
	bad := []string{
		"a read /", "a read / " + hash + " more", "a reed / " + hash, "a read x " + hash, "a read /../x " + hash,
		"a read / sha256:12", "a read / " + hash[7:], "* read / " + hash, "a read / -", "a read,,list / " + hash,
	}
	_, err := parse(strings.NewReader(strings.Join(bad, "\n") + "\nb read / " + hash + "\n"))
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Split(err.Error(), "\n"); len(got) != len(bad) || !strings.HasPrefix(got[9], "line 10: ") {
		t.Errorf("%d mistakes, want %d:\n%v", len(got), len(bad), err)
	}
	for _, name := range []string{"", "*", "a b", "#a", "é"} {
		if _, _, err := New(name, Read, "/"); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a read,write /in/ sha256:5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5\n* list / -")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(strings.NewReader(text))
		if err != nil {
			return
		}
		if g := s.Anyone(); !strings.Contains(text, "*") && !g.None() {
			t.Error("anyone may something")
		}
	})
}
