package relay_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the order, the highest first: a package imports from
// layers below its own. A package that is not here needs a place before it is written.
var layers = [][]string{
	{"cmd/relay"},
	{"relay"},
	{"relay/handover", "relay/admin", "relay/forward", "relay/bench/report"},
	{"relay/proxy", "relay/drop", "relay/transfer", "relay/bench"},
	{"relay/listen", "relay/upstream", "relay/flow", "relay/drop/store", "relay/drop/digest", "relay/drop/bundle", "relay/drop/token"},
	{"relay/loop"},
	{"pipepool", "relay/sock", "relay/probe", "relay/tally", "relay/systemd"},
}

// sideways are the imports within a layer, each with a reason.
var sideways = map[[2]string]string{
	{"relay/listen", "relay/flow"}:            "a connection is accepted as a kind of end",
	{"relay/drop/store", "relay/drop/digest"}: "digests are kept in fewer bytes than their fields have",
}

const (
	plainData = "config" // anyone may import it; it imports its library and nothing of ours
	tomlPath  = "github.com/BurntSushi/toml"
	blackBox  = "test" // and what is below: runs the program, and knows it from outside
)

func isBlackBox(pkg string) bool { return pkg == blackBox || strings.HasPrefix(pkg, blackBox+"/") }

func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, pkg) })
}

// known reports whether the design has a place for a package.
func known(pkg string) bool { return pkg == plainData || isBlackBox(pkg) || layerOf(pkg) >= 0 }

// whyNot is why one package of ours may not import another, or "".
func whyNot(from, to string) string {
	above, below := layerOf(from), layerOf(to)
	switch {
	case isBlackBox(from):
		if !isBlackBox(to) && to != plainData {
			return "the black-box suites know the program from outside"
		}
	case isBlackBox(to):
		return "the program does not know its tests"
	case from == plainData:
		return "config is plain data"
	case to == plainData:
	case above == below:
		if sideways[[2]string{from, to}] == "" {
			return "they stand side by side"
		}
	case above > below:
		return "imports point downward"
	}
	return ""
}

func TestWhyNot(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"cmd/relay", "relay", true},
		{"relay", "pipepool", true},
		{"relay/proxy", "config", true},
		{"relay/proxy", "relay/flow", true},
		{"relay/listen", "relay/flow", true},
		{"test/bench", "test/harness", true},
		{"test", "config", true},
		{"relay/flow", "relay/listen", false},
		{"relay/proxy", "relay/drop", false},
		{"relay/loop", "relay/flow", false},
		{"pipepool", "relay/sock", false},
		{"relay/proxy", "relay", false},
		{"config", "relay/sock", false},
		{"relay", "test/harness", false},
		{"test", "relay/proxy", false},
	} {
		if why := whyNot(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.from, c.to, why)
		}
	}
}

func TestImportsPointDownward(t *testing.T) {
	for _, f := range sources(t) {
		if f.isTest() {
			continue // a test may build what stands above it
		}
		for _, spec := range f.ast.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			to, ours := strings.CutPrefix(path, module+"/")
			if why := whyNot(f.pkg, to); ours && why != "" {
				t.Errorf("%s imports %s: %s", f.path, path, why)
			}
			library := strings.Contains(strings.Split(path, "/")[0], ".")
			if f.pkg == plainData && library && path != tomlPath {
				t.Errorf("%s imports %s: config has one library, %s", f.path, path, tomlPath)
			}
		}
	}
}
