package relay_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestPackagesHaveAPlaceAndADoc(t *testing.T) {
	docs := map[string]string{} // the file with the package comment
	for _, f := range sources(t) {
		if _, ok := docs[f.pkg]; !ok {
			docs[f.pkg] = ""
			if !known(f.pkg) {
				t.Errorf("package %s has no place in the layout", f.pkg)
			}
		}
		if f.ast.Doc != nil && !f.isTest() {
			if docs[f.pkg] != "" {
				t.Errorf("%s and %s both have a package comment", docs[f.pkg], f.path)
			}
			docs[f.pkg] = f.path
		}
	}
	for pkg, file := range docs {
		if program := strings.HasPrefix(pkg, "cmd/") || pkg == "test/bench"; program && file != "" {
			continue
		}
		if filepath.Base(file) != "doc.go" {
			t.Errorf("package %s has no package comment in a doc.go (it is in %q)", pkg, file)
		}
	}
}

// empty names say what a thing is for no better than no name.
var empty = []string{"manager", "handler", "context", "util", "utils", "common", "helper", "helpers"}

func TestNames(t *testing.T) {
	for _, f := range sources(t) {
		for _, name := range append(exportedTypes(f.ast), f.ast.Name.Name, strings.TrimSuffix(filepath.Base(f.path), ".go")) {
			for _, word := range words(name) {
				if slices.Contains(empty, word) {
					t.Errorf("%s: %s has the empty word %q in its name", f.path, name, word)
				}
			}
		}
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"ConnManager": "conn manager", "file_util_test": "file util test", "HTTPHandler": "http handler",
		"upstream": "upstream", "sendPROXY": "send proxy",
	} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("%s has the words %q, want %q", name, got, want)
		}
	}
}

func exportedTypes(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			if name := spec.(*ast.TypeSpec).Name; name.IsExported() {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// words takes a name apart: at underscores, and where capitals begin a word.
func words(name string) []string {
	var all []string
	runes := []rune(name)
	begin := 0
	cut := func(i int) {
		if i > begin {
			all = append(all, strings.ToLower(string(runes[begin:i])))
		}
		begin = i
	}
	for i, r := range runes {
		lastCapital := i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1])
		switch {
		case r == '_':
			cut(i)
			begin = i + 1
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || lastCapital):
			cut(i)
		}
	}
	cut(len(runes))
	return all
}
