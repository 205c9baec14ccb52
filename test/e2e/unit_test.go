//go:build e2e

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const unit = "../../examples/systemd/relay.service"

// exposureMost is what systemd may think of the unit; it calls up to 2.0 "OK".
const exposureMost = 1.5

func TestUnitIsHardened(t *testing.T) {
	dir := t.TempDir() // away from drop-ins that the machine may have
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "relay.service")
	if err := os.WriteFile(copied, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out := program(t, "systemd-analyze", "security", "--offline=true", "--no-pager", copied).ok(t)
	found := regexp.MustCompile(`Overall exposure level for relay\.service: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no exposure level in\n%s", out)
	}
	if level, err := strconv.ParseFloat(found[1], 64); err != nil || level > exposureMost {
		t.Errorf("the exposure level is %s, want at most %v\n%s", found[1], exposureMost, out)
	}
}

// What make install puts in place is complete, and uninstall takes it away but for the
// configuration.
func TestInstall(t *testing.T) {
	dir := install(t)
	for file, has := range map[string]string{
		"/usr/local/lib/systemd/system/relay.service":            "ExecStart=/usr/local/bin/relay run",
		"/usr/local/lib/systemd/system/relay.socket":             "FileDescriptorName=web",
		"/usr/local/share/man/man1/relay.1":                      "relay-backend",
		"/usr/local/share/man/man1/relay-run.1":                  "SIGHUP",
		"/usr/local/share/man/man5/relay.toml.5":                 "restart_drain_timeout",
		"/usr/local/share/bash-completion/completions/relay":     "__start_relay",
		"/usr/local/share/zsh/site-functions/_relay":             "#compdef relay",
		"/usr/local/share/fish/vendor_completions.d/relay.fish":  "complete -c relay",
		"/usr/local/share/doc/relay/examples/all-options.toml":   "restart_drain_timeout",
		"/usr/local/share/doc/relay/examples/systemd/relay.toml": "admin.sock",
		configFile: "[[listener]]",
	} {
		if text, err := os.ReadFile(dir + file); err != nil || !strings.Contains(string(text), has) {
			t.Errorf("%s: %v, want %q in it", file, err, has)
		}
	}
	if out := program(t, dir+"/usr/local/bin/relay", "check", "--config", dir+configFile).ok(t); out == "" {
		t.Error("relay check says nothing")
	}
	if err := os.WriteFile(dir+configFile, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	runMake(t, "install", "DESTDIR="+dir)
	if text, _ := os.ReadFile(dir + configFile); string(text) != "mine" {
		t.Error("a second install replaced the configuration")
	}
	runMake(t, "uninstall", "DESTDIR="+dir)
	var left []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, dir))
		}
		return nil
	})
	if !slices.Equal(left, []string{configFile}) {
		t.Errorf("uninstall leaves %q", left)
	}
}

// With another prefix the units call the program where it is.
func TestInstallElsewhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	runMake(t, "install", "DESTDIR="+dir, "PREFIX=/opt/relay", "SYSCONFDIR=/opt/etc", "UNITDIR=/etc/systemd/system")
	text, err := os.ReadFile(dir + "/etc/systemd/system/relay.service")
	if err != nil || !strings.Contains(string(text), "ExecReload=/opt/relay/bin/relay reload --config /opt/etc/relay/relay.toml") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := os.Stat(dir + "/opt/etc/relay/relay.toml"); err != nil {
		t.Error(err)
	}
}
