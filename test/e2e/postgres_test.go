//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"relay/test/harness"
)

// postgres finds a program of the PostgreSQL server, which Debian keeps off the path, in
// a folder for each version.
func postgres(t testing.TB, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return name // locate says what to install
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// startPostgres runs an empty database on a unix socket behind a relay, and returns what
// its clients need on the command line to reach the relay. The server refuses to run as
// root.
func startPostgres(t testing.TB) (*harness.Relay, []string) {
	t.Helper()
	home := harness.Directory(t)
	data := filepath.Join(home, "data")
	asNobody := func(p *process) *process {
		p.Dir = home
		if os.Getuid() == 0 {
			p.SysProcAttr.Credential = &syscall.Credential{Uid: harness.Nobody, Gid: harness.Nobody}
		}
		return p
	}
	asNobody(program(t, postgres(t, "initdb"), "-D", data, "-U", "relay", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")).ok(t)
	socket := "unix:" + filepath.Join(home, ".s.PGSQL.5432")
	asNobody(program(t, postgres(t, "postgres"), "-D", data, "-k", home,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50")).serve(t, socket)
	r := startProxy(t, "auto", socket)
	return r, []string{"-h", "127.0.0.1", "-p", portOf(t, r.Address(t, "web")), "-U", "relay"}
}

// TestPgbench counts in the database what its benchmark did: each transaction is there,
// once, whether a connection carried many or one each.
func TestPgbench(t *testing.T) {
	const clients, each = "8", "50"
	r, at := startPostgres(t)
	pgbench := func(args ...string) {
		t.Helper()
		program(t, postgres(t, "pgbench"), slices.Concat(at, args, []string{"postgres"})...).ok(t)
	}
	pgbench("-i", "-q", "-s", "1")
	for _, round := range []struct {
		name string
		args []string
		want string // rows in the history, which a run without -n empties first
	}{
		{"kept connections", nil, "400"},
		{"a connection for each transaction", []string{"-C"}, "400"},
		{"extended protocol, prepared", []string{"-M", "prepared"}, "400"},
	} {
		t.Run(round.name, func(t *testing.T) {
			pgbench(append(round.args, "-c", clients, "-j", "2", "-t", each)...)
			count := program(t, postgres(t, "psql"), slices.Concat(at, []string{"-Atc", "select count(*) from pgbench_history", "postgres"})...)
			if got := strings.TrimSpace(count.ok(t)); got != round.want {
				t.Errorf("%s transactions are in the database, want %s", got, round.want)
			}
		})
	}
	wantSessions(t, r, 8+8*50)
}

// TestPostgresLargeResult has the server send 100 MB through one connection, and checks
// what arrived.
func TestPostgresLargeResult(t *testing.T) {
	_, at := startPostgres(t)
	const query = "copy (select repeat('relay', 2000) from generate_series(1, 10000)) to stdout"
	p, path := program(t, postgres(t, "psql"), slices.Concat(at, []string{"-c", query, "postgres"})...).output(t)
	p.ok(t)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(strings.Repeat("relay", 2000)+"\n", 10000); string(got) != want {
		t.Errorf("%d bytes arrived, want %d and the same", len(got), len(want))
	}
}
