package relay_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever reads an access log finds each of its reasons in README.
func TestReasonsAreExplained(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range sources(t) {
		if f.isTest() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !isReason(spec.Type) || len(spec.Values) == 0 {
				return true
			}
			for _, v := range spec.Values {
				found++
				reason := strings.Trim(v.(*ast.BasicLit).Value, `"`)
				if !strings.Contains(string(readme), "`"+reason+"`") {
					t.Errorf("README does not explain the reason %q of %s", reason, f.path)
				}
			}
			return true
		})
	}
	if found < 30 {
		t.Errorf("only %d reasons found: has their type another name now?", found)
	}
}

// isReason knows the types of the words: Reason of proxy and drop, Refusal of listen.
func isReason(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && (name.Name == "Reason" || name.Name == "Refusal")
}
