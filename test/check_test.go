package test

import (
	"strings"
	"testing"

	"relay/test/harness"
)

// brokenConfig has one mistake of each kind. mistakes are the words that must come
// up in what is said about each.
const brokenConfig = `
[engine]
splice = "sometimes"
pipe_size = "many"
drain_timeout = -1
colour = "blue"

[admin]
listen = "127.0.0.1"

[[listener]]
name = "web"
listen = ["127.0.0.1"]
upstream = "nowhere"
allow = ["10.0.0.0/33"]
idle_timeout = "soon"
accept_proxy_from = ["everywhere"]

[[listener]]
name = "web"
listen = ["127.0.0.1:8080"]
upstream = "pool"

[[upstream]]
name = "pool"
balance = "fair"
hash_key = "cookie"
hash_balance_factor = 50
slow_start = 30
queue_max = -1
queue_timeout = "0s"
panic_threshold = 101
on_down = "drop"
discover = "_web._tcp.example.org"
resolver = "dns.example.org"
on_empty = "fail"
connect_retries = "three"
[upstream.health_check]
type = "ping"
interval = "0s"
down_interval = -1
timeout = "0s"
jitter = 90
fall = 0
rise = 0
port = 65536
host = "a b"
path = "healthz"
status = ["2xx"]
send = 1
expect = 2
expect_regexp = "("
[upstream.ejection]
failures = 0
time = "0s"
time_max = "0s"
share_max = 101
[[upstream.backend]]
address = "example..org:80"
weight = -3
backup = "yes"
`

var mistakes = []string{
	"splice", "pipe_size", "drain_timeout", "colour", "admin", "listen", "nowhere", "allow",
	"idle_timeout", "accept_proxy_from", `"web"`, "balance", "connect_retries", "address", "weight", "backup",
	"hash_key", "hash_balance_factor", "slow_start", "queue_max", "queue_timeout", "panic_threshold", "on_down",
	"discover", "resolver", "on_empty", "type", "health_check: interval", "down_interval", "health_check: timeout",
	"jitter", "fall", "rise", "port", "host", "path", "status", "send", "expect", "expect_regexp",
	"failures", "ejection: time", "time_max", "share_max",
}

// goodConfig listens on a free port and is otherwise right.
const goodConfig = `
[[listener]]
name = "web"
listen = ["127.0.0.1:0"]
upstream = "pool"
[[upstream]]
name = "pool"
[[upstream.backend]]
address = "127.0.0.1:9"
`

// Every mistake is reported at once, each on a line with the file's name.
func TestCheckReportsEveryMistake(t *testing.T) {
	t.Parallel()
	file := harness.WriteConfig(t, brokenConfig)
	for _, command := range []string{"check", "run"} {
		got := harness.Run(t, command, "--config", file)
		if got.Code != 1 {
			t.Errorf("relay %s: exit code %d, want 1", command, got.Code)
		}
		lines := strings.Split(got.Stderr, "\n")
		for _, word := range mistakes {
			if !anyLine(lines, file, word) {
				t.Errorf("relay %s: no line about %s in\n%s", command, word, got.Stderr)
			}
		}
	}
}

// anyLine reports whether a line has both.
func anyLine(lines []string, file, word string) bool {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, file); ok && strings.Contains(rest, word) {
			return true
		}
	}
	return false
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	good, syntax := harness.WriteConfig(t, goodConfig), harness.WriteConfig(t, "[engine\n")
	occupied := listen(t, "127.0.0.1:0").Address
	taken := harness.WriteConfig(t, strings.Replace(goodConfig, "127.0.0.1:0", occupied, 1))
	nodir := harness.WriteConfig(t, strings.Replace(goodConfig, "127.0.0.1:0", "unix:/nonexistent/s", 1))
	drop := "[[drop]]\nname = \"files\"\nlisten = [\"127.0.0.1:0\"]\ndirectory = "
	nofiles := harness.WriteConfig(t, drop+"\"/nonexistent/files\"\n")
	notokens := harness.WriteConfig(t, drop+"\".\"\ntokens_file = \"/nonexistent/tokens\"\n")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string // on standard error
	}{
		{"version", []string{"version"}, 0, ""},
		{"help", []string{"--help"}, 0, ""},
		{"good config", []string{"check", "--config", good}, 0, ""},
		{"syntax error", []string{"check", "--config", syntax}, 1, syntax},
		{"no such file", []string{"check", "--config", "/nonexistent/relay.toml"}, 1, "/nonexistent/relay.toml"},
		{"run without a file", []string{"run"}, 1, "relay.toml"},
		{"no directory for a drop", []string{"run", "--config", nofiles}, 1, "there is no /nonexistent/files; make it"},
		{"no tokens for a drop", []string{"run", "--config", notokens}, 1, "`relay token new --name NAME /nonexistent/tokens` makes it"},
		{"address in use", []string{"run", "--config", taken}, 1, occupied},
		{"no directory for a socket", []string{"run", "--config", nodir}, 1, "/nonexistent/s"},
		{"no such command", []string{"serve"}, 2, "serve"},
		{"no such command of a command", []string{"backend", "drian", "web", "192.0.2.1:1"}, 2, `did you mean "drain"`},
		{"half a command", []string{"backend"}, 2, "relay backend drain"},
		{"help for the command that was meant", []string{"get"}, 2, "Try 'relay get --help'"},
		{"no such flag", []string{"run", "--colour"}, 2, "colour"},
		{"a word too many", []string{"check", "--config", good, "again"}, 2, "again"},
		{"a flag without its value", []string{"check", "--config"}, 2, "config"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := harness.Run(t, c.args...)
			if got.Code != c.code {
				t.Errorf("exit code %d, want %d\n%s", got.Code, c.code, got.Stderr)
			}
			if !strings.Contains(got.Stderr, c.says) {
				t.Errorf("%q is not in\n%s", c.says, got.Stderr)
			}
			if strings.Contains(got.Stderr, "goroutine ") {
				t.Errorf("it panicked:\n%s", got.Stderr)
			}
		})
	}
}

// version says something on standard output.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"version", "--version"} {
		if got := harness.Run(t, word); !strings.HasPrefix(got.Stdout, "relay ") || got.Code != 0 {
			t.Errorf("%s: %q, want \"relay …\"", word, got.Stdout)
		}
	}
}
