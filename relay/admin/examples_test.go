package admin

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Dashboard and alerts name metrics that there are, and labels that those have.
func TestExamplesKnowTheMetrics(t *testing.T) {
	r := calm()
	r.State = full
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{r})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range families {
		name := f.GetName()
		known[name] = true
		if strings.HasSuffix(name, "_seconds") {
			known[name+"_bucket"] = true
		}
	}
	for _, file := range []string{"../../examples/grafana/relay.json", "../../examples/prometheus/relay-alerts.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`relay_[a-z_]+`).FindAllString(string(text), -1)
		if len(names) < 10 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
}
