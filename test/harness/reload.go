package harness

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// File is the configuration file that the program was started with.
func (r *Relay) File() string { return r.cmd.Args[len(r.cmd.Args)-1] }

// Rewrite puts another configuration in the place of the file, at once.
func (r *Relay) Rewrite(t testing.TB, text string) {
	t.Helper()
	fresh := r.File() + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, r.File()); err != nil {
		t.Fatal(err)
	}
}

// Reload rewrites the file, sends SIGHUP and returns the line that says what came of it.
func (r *Relay) Reload(t testing.TB, text string) Line {
	t.Helper()
	r.Rewrite(t, text)
	before := len(r.Journal.Lines())
	r.send(t, syscall.SIGHUP)
	return r.Since(t, before, "the outcome of a reload", func(l Line) bool {
		return l.Message == "reloaded" || l.Message == "reload refused; the configuration in force stays"
	})
}

// Since waits for a line after the first n.
func (r *Relay) Since(t testing.TB, n int, what string, match func(Line) bool) Line {
	t.Helper()
	var found Line
	Eventually(t, what, func() (bool, any) {
		for _, l := range r.Journal.Lines()[n:] {
			if match(l) {
				found = l
				return true, l
			}
		}
		return false, "not in the log"
	})
	return found
}

// Rebase takes what the process holds now for what it should hold at the end: a reload
// has changed it on purpose.
func (r *Relay) Rebase(t testing.TB) {
	t.Helper()
	r.baseline = r.Descriptors(t)
}

// Sockets names the listening sockets that the process holds, by their inodes.
func (r *Relay) Sockets(t testing.TB) string {
	t.Helper()
	listening := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(r.PID) + "/net/" + table)
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" { // TCP_LISTEN
				listening["socket:["+f[9]+"]"] = true
			}
		}
	}
	var all []string
	for _, target := range r.open(t) {
		if listening[target] {
			all = append(all, target)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
