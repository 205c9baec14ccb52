//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// wget prepares a run that neither retries nor waits, so that a fault shows.
func wget(t testing.TB, args ...string) *process {
	t.Helper()
	return program(t, "wget", append([]string{"--no-config", "--no-proxy", "--tries=1", "--timeout=20"}, args...)...)
}

func TestWgetDownload(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	r := startProxy(t, "auto", backend.Address)
	p := wget(t, "http://"+r.Address(t, "web")+"/"+bigName)
	p.ok(t)
	wantSame(t, filepath.Join(p.Dir, bigName), big(t))
	wantComplete(t, r, 1, bigBytes)
}

// TestWgetResume kills a download in the middle and has another wget go on from there.
func TestWgetResume(t *testing.T) {
	backend := startNginx(t, "127.0.0.1")
	r := startProxy(t, "auto", backend.Address)
	resume(t, "http://"+r.Address(t, "web")+"/"+bigName)
}

// resume downloads the large file from a URL in two goes.
func resume(t *testing.T, url string) {
	t.Helper()
	first := wget(t, "--limit-rate=50m", url).start(t)
	got := filepath.Join(first.Dir, bigName)
	hasSome(t, got, 1<<20)
	first.kill()
	<-first.ended
	wantBeginning(t, got)

	second := wget(t, "--continue", url)
	second.Dir = first.Dir
	second.ok(t)
	if said := second.stderr.String(); !strings.Contains(said, "206 Partial Content") {
		t.Errorf("wget did not resume:\n%s", said)
	}
	wantSame(t, got, big(t))
}
