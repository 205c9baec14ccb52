package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestMistakes has one row for each kind of mistake: lines put into a small file
// that is otherwise right, and the whole message.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct{ name, table, lines, want string }{
		{"unknown key", "engine", `loop = 1`, `engine: loop: unknown key; did you mean "loops"?`},
		{"unknown key like none", "log", `colour = true`, `log: colour: unknown key; known here are level, format, access`},
		{"unknown key in a list", "listener", `idle_timeuot = "1s"`, `listener "web": idle_timeuot: unknown key; did you mean "idle_timeout"?`},
		{"unknown key in a nested table", "backend", `wieght = 2`, `upstream "web": backend 1: wieght: unknown key; did you mean "weight"?`},
		{"unknown key with odd letters", "log", "'a\tb' = 1", `log: a\tb: unknown key; known here are level, format, access`},

		{"text for a number", "engine", `loops = "two"`, `engine: loops: the text "two" is not a whole number; write one from 0 to 1024, without quotes`},
		{"fraction for a number", "upstream", `connect_retries = 1.5`, `upstream "web": connect_retries: the number 1.5 is not a whole number; write one from 0 to 100, without quotes`},
		{"number for a text", "log", `level = 3`, `log: level: the number 3 is not a text; write "debug", "info", "warn" or "error"`},
		{"text for a boolean", "log", `access = "yes"`, `log: access: the text "yes" is neither true nor false; write one of them, without quotes`},
		{"date for a boolean", "log", `access = 2024-01-01`, `log: access: a date or time is neither true nor false; write one of them, without quotes`},
		{"text for an array", "listener", `allow = "10.0.0.0/8"`, `listener "web": allow: the text "10.0.0.0/8" is not an array; put it in brackets, like allow = ["…"]`},
		{"number in an array", "listener", `deny = [10]`, `listener "web": deny: the number 10 is not an address range; write it like "10.0.0.0/8"`},
		{"array for a size", "engine", `pipe_size = []`, `engine: pipe_size: an array is not a size; write it like "64KiB", "1MiB" or "2GB", or as a whole number of bytes`},

		{"too large", "backend", `weight = 257`, `upstream "web": backend 1: weight: 257 is out of range; write a number from 0 to 256`},
		{"negative", "listener", `sessions_max = -1`, `listener "web": sessions_max: -1 is out of range; write a number from 0 to 1000000000`},
		{"size too small", "engine", `copy_chunk = 512`, `engine: copy_chunk: 512 is out of range; write a size from "1KiB" to "1MiB"`},
		{"size too large", "drop", `splice_chunk = "2GiB"`, `drop "files": splice_chunk: "2GiB" is out of range; write a size from "4KiB" to "1GiB"`},
		{"size without a clear unit", "engine", `pipe_size = "64k"`, `engine: pipe_size: "64k" is not a size; write it like "64KiB", "1MiB" or "2GB", or as a whole number of bytes`},
		{"negative size", "engine", `pipe_size = "-1KiB"`, `engine: pipe_size: "-1KiB" is negative; a size is at least 0`},
		{"budget below a pipe", "engine", `pipe_budget = "64KiB"`, `engine: pipe_budget: "64KiB" holds not even one pipe of pipe_size "1MiB"; write at least that`},
		{"not a choice", "engine", `splice = "sometimes"`, `engine: splice: "sometimes" is not among the choices; write "auto", "always" or "never"`},

		{"not a duration", "listener", `idle_timeout = "10x"`, `listener "web": idle_timeout: "10x" is not a duration; write it like "30s" or "10m"`},
		{"duration without a unit", "listener", `idle_timeout = 30`, `listener "web": idle_timeout: 30 has no unit; write "30s" for seconds`},
		{"zero without a unit", "listener", `idle_timeout = 0`, `listener "web": idle_timeout: the number 0 is not a duration; write it like "30s" or "10m"`},
		{"no timeout", "drop", `header_timeout = "0s"`, `drop "files": header_timeout: "0s" is too short; every timeout is finite and at least "1ms", write it like "30s" or "10m"`},
		{"negative duration", "engine", `drain_timeout = "-1s"`, `engine: drain_timeout: "-1s" is negative; write it like "30s" or "10m"`},
		{"endless duration", "upstream", `connect_timeout = "100000h"`, `upstream "web": connect_timeout: "100000h" is too long; write at most "87600h", ten years`},

		{"not a range", "drop", `allow = ["10.0.0.0/33"]`, `drop "files": allow: "10.0.0.0/33" is not an address range; write it like "10.0.0.0/8", "2001:db8::/32" or "192.0.2.7"`},
		{"address with a zone for a range", "drop", `allow = ["fe80::1%lo"]`, `drop "files": allow: "fe80::1%lo" is not an address range; write it like "10.0.0.0/8", "2001:db8::/32" or "192.0.2.7"`},
		{"range wider than IPv4", "drop", `deny = ["::ffff:0:0/90"]`, `drop "files": deny: "::ffff:0:0/90" is wider than IPv4; write an IPv4 range like "10.0.0.0/8"`},

		{"admin without a mode", "top", `admin = { listen = "unix:@admin" }`, `admin: listen: "unix:@admin": an abstract socket has no file mode to guard it; write a path, like "unix:/run/relay/admin.sock"`},
		{"unknown balance", "upstream", `balance = "fair"`, `upstream "web": balance: "fair" is not among the choices; write "round_robin", "least_connections", "random", "source_hash" or "first"`},
		{"factor below a share", "upstream", `hash_balance_factor = 100`, `upstream "web": hash_balance_factor: 100 is out of range; write a number from 101 to 1000, or 0 for off`},
		{"unknown hash key", "upstream", `hash_key = "cookie"`, `upstream "web": hash_key: "cookie" is not among the choices; write "source", "source_port" or "sni"`},
		{"hash key without a hash", "upstream", `hash_key = "sni"`, `upstream "web": hash_key: has a meaning with balance = "source_hash" only; write that too, or leave this out`},
		{"factor without a hash", "upstream", `hash_balance_factor = 150`, `upstream "web": hash_balance_factor: has a meaning with balance = "source_hash" only; write that too, or leave this out`},
		{"slow start without a unit", "upstream", `slow_start = 30`, `upstream "web": slow_start: 30 has no unit; write "30s" for seconds`},
		{"queue too small", "upstream", `queue_max = -1`, `upstream "web": queue_max: -1 is out of range; write a number from 0 to 1000000000`},
		{"no queue timeout", "upstream", `queue_timeout = "0s"`, `upstream "web": queue_timeout: "0s" is too short; every timeout is finite and at least "1ms", write it like "30s" or "10m"`},
		{"panic over all", "upstream", `panic_threshold = 101`, `upstream "web": panic_threshold: 101 is out of range; write a number from 0 to 100`},
		{"unknown on_down", "upstream", `on_down = "drop"`, `upstream "web": on_down: "drop" is not among the choices; write "keep" or "reset"`},
		{"on_down without checks", "upstream", `on_down = "reset"`, `upstream "web": on_down: without an [upstream.health_check] no backend ever goes down; write one below`},
		{"backup as a number", "backend", `backup = 1`, `upstream "web": backend 1: backup: the number 1 is neither true nor false; write one of them, without quotes`},
		{"unknown check", "upstream", `health_check = {type = "ping"}`, `upstream "web": health_check: type: "ping" is not among the choices; write "tcp", "http", "tls" or "expect"`},
		{"unknown key of a check", "upstream", `health_check = {every = "1s"}`, `upstream "web": health_check: every: unknown key; known here are type, interval, down_interval, timeout, jitter, fall, rise, port, host, path, status, send, expect, expect_regexp`},
		{"check without a pause", "upstream", `health_check = {interval = "0s"}`, `upstream "web": health_check: interval: "0s" is too short; every timeout is finite and at least "1ms", write it like "30s" or "10m"`},
		{"jitter over half", "upstream", `health_check = {jitter = 51}`, `upstream "web": health_check: jitter: 51 is out of range; write a number from 0 to 50`},
		{"no fall", "upstream", `health_check = {fall = 0}`, `upstream "web": health_check: fall: 0 is out of range; write a number from 1 to 1000`},
		{"no rise", "upstream", `health_check = {rise = 0}`, `upstream "web": health_check: rise: 0 is out of range; write a number from 1 to 1000`},
		{"port too large", "upstream", `health_check = {port = 65536}`, `upstream "web": health_check: port: 65536 is out of range; write a number from 0 to 65535`},
		{"host with a space", "upstream", `health_check = {type = "http", host = "a b"}`, `upstream "web": health_check: host: "a b" has a space or a control character in it; write a name like "www.example.org"`},
		{"path without a slash", "upstream", `health_check = {type = "http", path = "healthz"}`, `upstream "web": health_check: path: "healthz" is not the path of a page; write it like "/healthz"`},
		{"path for tcp", "upstream", `health_check = {path = "/healthz"}`, `upstream "web": health_check: path: has no meaning with type = "tcp"; that key is for "http"`},
		{"host for expect", "upstream", `health_check = {type = "expect", expect = "x", host = "a"}`, `upstream "web": health_check: host: has no meaning with type = "expect"; that key is for "http"`},
		{"not a status", "upstream", `health_check = {type = "http", status = ["2xx"]}`, `upstream "web": health_check: status: "2xx" is not an HTTP status; write it like 200 or "200-399"`},
		{"status backwards", "upstream", `health_check = {type = "http", status = ["399-200"]}`, `upstream "web": health_check: status: "399-200" is not an HTTP status; write it like 200 or "200-399"`},
		{"status for tls", "upstream", `health_check = {type = "tls", status = [200]}`, `upstream "web": health_check: status: has no meaning with type = "tls"; that key is for "http"`},
		{"expect nothing", "upstream", `health_check = {type = "expect", send = "PING"}`, `upstream "web": health_check: type = "expect" expects nothing yet; write expect = "+PONG" or expect_regexp = "^2.."`},
		{"expect twice", "upstream", `health_check = {type = "expect", expect = "a", expect_regexp = "a"}`, `upstream "web": health_check: expect_regexp: there is an expect already; write one of the two`},
		{"expect too much", "upstream", `health_check = {type = "expect", expect = "` + strings.Repeat("a", AnswerMost+1) + `"}`, `upstream "web": health_check: expect: 16385 bytes can never come: 16KiB of an answer are looked at`},
		{"send for tcp", "upstream", `health_check = {send = "PING"}`, `upstream "web": health_check: send: has no meaning with type = "tcp"; that key is for "expect"`},
		{"not a regular expression", "upstream", `health_check = {type = "expect", expect = "a", expect_regexp = "("}`, `upstream "web": health_check: expect_regexp: "(" is not a regular expression: missing closing ): ` + "`(`"},
		{"discover without srv", "upstream", `discover = "_web._tcp.example.org"`, `upstream "web": discover: "_web._tcp.example.org" does not name SRV records; write it like "srv:_web._tcp.example.org"`},
		{"discover an odd name", "upstream", `discover = "srv:a..b"`, `upstream "web": discover: "srv:a..b" does not name SRV records; write it like "srv:_web._tcp.example.org"`},
		{"resolver by name", "upstream", `resolver = "dns.example.org"`, `upstream "web": resolver: "dns.example.org" is not the address of a name server; write it like "127.0.0.1:53" or "[::1]:53"`},
		{"unknown on_empty", "upstream", `on_empty = "fail"`, `upstream "web": on_empty: "fail" is not among the choices; write "keep" or "clear"`},
		{"no failures", "upstream", `ejection = {failures = 0}`, `upstream "web": ejection: failures: 0 is out of range; write a number from 1 to 1000`},
		{"ejection without time", "upstream", `ejection = {time = "0s"}`, `upstream "web": ejection: time: "0s" is too short; every timeout is finite and at least "1ms", write it like "30s" or "10m"`},
		{"ejection too short", "upstream", `ejection = {time = "1m", time_max = "1s"}`, `upstream "web": ejection: time_max: "1s" is shorter than time, "1m0s"; write at least that`},
		{"share over all", "upstream", `ejection = {share_max = 101}`, `upstream "web": ejection: share_max: 101 is out of range; write a number from 0 to 100`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, line := insert(t, small+"[engine]\n[log]\n", tc.table, tc.lines)
			wantMistakes(t, text, "relay.toml:"+line+": "+tc.want)
		})
	}
}

// TestMistakesOfWholeTables is for what rows of TestMistakes cannot say.
func TestMistakesOfWholeTables(t *testing.T) {
	const drop = "[[drop]]\nname = \"d\"\nlisten = [\"127.0.0.1:80\"]\ndirectory = \"d\"\n"
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{`relay.toml: nothing to do; write a [[listener]] with its [[upstream]], or a [[drop]]`}},
		{"only comments", "# [[drop]]\n", []string{`relay.toml: nothing to do; write a [[listener]] with its [[upstream]], or a [[drop]]`}},
		{"empty arrays", "listener = []\ndrop = []\n", []string{`relay.toml: nothing to do; write a [[listener]] with its [[upstream]], or a [[drop]]`}},
		{"all required keys of a drop", "[[drop]]", []string{
			`relay.toml:1: drop 1: name: missing; write name = "web"`,
			`relay.toml:1: drop 1: listen: missing; write listen = ["127.0.0.1:8080"]`,
			`relay.toml:1: drop 1: directory: missing; write directory = "files"`,
		}},
		{"all required keys of a listener", drop + "[[listener]]\nlisten = []\n[[upstream]]\n[[upstream.backend]]\n", []string{
			`relay.toml:5: listener 1: name: missing; write name = "web"`,
			`relay.toml:5: listener 1: upstream: missing; write upstream = "web", the name of an [[upstream]]`,
			`relay.toml:6: listener 1: listen: empty; write listen = ["127.0.0.1:8080"]`,
			`relay.toml:7: upstream 1: name: missing; write name = "web"`,
			`relay.toml:8: upstream 1: backend 1: address: missing; write address = "127.0.0.1:9001"`,
		}},
		{"no backend", drop + "[[upstream]]\nname = \"u\"\n[[upstream]]\nname = \"v\"\nbackend = []\n", []string{
			`relay.toml:5: upstream "u": backend: missing; write [[upstream.backend]] and address = "127.0.0.1:9001" below it`,
			`relay.toml:9: upstream "v": backend: empty; write [[upstream.backend]] and address = "127.0.0.1:9001" below it`,
		}},
		{"a host name on port 0", strings.Replace(small, "127.0.0.1:9001", "app.example.org:0", 1), []string{
			`relay.toml:9: upstream "web": backend 1: address: "app.example.org:0": nothing can be reached on port 0; write a port from 1 to 65535`,
		}},
		{"wrong brackets", "[[engine]]\n[[log]]\n[drop]\n", []string{
			`relay.toml:1: engine: there is only one; write [engine], with single brackets`,
			`relay.toml:2: log: there is only one; write [log], with single brackets`,
			`relay.toml:3: drop: there may be several, so it takes double brackets; write [[drop]] and its keys below`,
		}},
		{"no tables", "engine = 5\ndrop = \"files\"\nlistener = [1]\n", []string{
			`relay.toml:1: engine: the number 5 is not a table; write [engine] and its keys below`,
			`relay.toml:2: drop: the text "files" is not a table; write [[drop]] and its keys below`,
			`relay.toml:3: listener: an array of tables is meant; write [[listener]] and its keys below`,
		}},
		{"backends as texts", drop + "[[upstream]]\nname = \"u\"\nbackend = [\"127.0.0.1:1\"]\n", []string{
			`relay.toml:7: upstream "u": backend: an array of tables is meant; write [[upstream.backend]] and its keys below`,
		}},
		{"same names", small + "[[drop]]\nname = \"files\"\nlisten = [\"127.0.0.1:80\"]\ndirectory = \"d\"\n[[upstream]]\nname = \"web\"\nbackend = [{address = \"127.0.0.1:1\"}]\n[[listener]]\nname = \"web\"\nupstream = \"web\"\nlisten = [\"127.0.0.1:0\"]\n", []string{
			`relay.toml:15: drop "files": name: another drop has this name; give each its own`,
			`relay.toml:19: upstream "web": name: another upstream has this name; give each its own`,
			`relay.toml:22: listener "web": name: another listener has this name; give each its own`,
		}},
		{"not names", "[[drop]]\nname = \"\"\nlisten = [\"127.0.0.1:80\"]\ndirectory = \"\"\n[[drop]]\nname = \"two words\"\nlisten = [\"127.0.0.1:81\"]\ndirectory = 5\n", []string{
			`relay.toml:2: drop 1: name: "" is not a name; write 1 to 64 of the letters a-z and A-Z, digits, '.', '_' and '-'`,
			`relay.toml:4: drop 1: directory: "" is not a path; write that of a directory`,
			`relay.toml:6: drop "two words": name: "two words" is not a name; write 1 to 64 of the letters a-z and A-Z, digits, '.', '_' and '-'`,
			`relay.toml:8: drop "two words": directory: the number 5 is not a text; write the path of a directory`,
		}},
		{"dangling", strings.Replace(small, `upstream = "web"`, `upstream = "wbe"`, 1), []string{
			`relay.toml:5: listener "web": upstream: there is no upstream "wbe"; did you mean "web"?`,
		}},
		{"dangling, and like none", strings.Replace(small, `upstream = "web"`, `upstream = "database"`, 1), []string{
			`relay.toml:5: listener "web": upstream: there is no upstream "database"; write an [[upstream]] with name = "database"`,
		}},
		{"a listener before itself", strings.Replace(small, `9001`, `8080`, 1), []string{
			`relay.toml:5: listener "web": upstream: its backend "127.0.0.1:8080" is this listener itself, and every session would open another; write the address of a server`,
		}},
		{"a backend twice", small + "[[upstream]]\nname = \"u\"\nbackend = [\n  {address = \"127.0.0.1:1\"},\n  {address = \"127.0.0.1:1\"},\n]\n", []string{
			`relay.toml:16: upstream "u": backend 2: address: "127.0.0.1:1" is backend 1 already; give that one more weight instead`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantMistakes(t, tc.text, tc.want...) })
	}
}

// A drop that other machines reach needs tokens, or a word that it does not.
func TestDropsThatAreOpen(t *testing.T) {
	for _, tc := range []struct{ listen, more, want string }{
		{"127.0.0.1:80", "", ""},
		{"[::1]:80", "", ""},
		{"unix:/a", "", ""},
		{"systemd:a", "", ""},
		{"0.0.0.0:80", "open = true", ""},
		{"0.0.0.0:80", `tokens_file = "t"`, ""},
		{"127.0.0.1:80", "open = true\ntokens_file = \"t\"", `relay.toml:5: drop "d": open: there is a tokens_file, which says who may come; leave one of the two out`},
		{"192.0.2.1:80", "", `relay.toml:4: drop "d": listen: "192.0.2.1:80" is reached from other machines, and there are no tokens; ` +
			"write tokens_file = \"relay.tokens\" (`relay token new` makes them), or open = true to let everybody in"},
	} {
		text := "[[drop]]\nname = \"d\"\ndirectory = \"d\"\nlisten = [\"" + tc.listen + "\"]\n" + tc.more + "\n"
		if tc.want == "" {
			parse(t, "relay.toml", text)
			continue
		}
		wantMistakes(t, text, tc.want)
	}
}

// A file's name is never run.
func TestOnArrivalRunsNoNames(t *testing.T) {
	const shell = `relay.toml:4: drop "d": on_arrival: the shell would run what stands in the names of files, and senders choose those; ` +
		`write "$1" there (with the quotes), and "-", "{path}" as the words after it`
	for command, want := range map[string]string{
		`"/bin/sh", "-c", "mv {path} /srv"`:                    shell,
		`"/usr/bin/bash", "-ec", "mv '{path}' /srv"`:           shell,
		`"/usr/bin/env", "dash", "-c", "{path}"`:               shell,
		`"/bin/sh", "-c", "mv \"$1\" /srv", "-", "{path}"`:     "",
		`"/bin/sh", "/usr/local/bin/arrived", "--file={path}"`: "",
		`"/usr/local/bin/arrived", "-c", "{path}"`:             "",
		`"arrived", "{path}"`:                                  `relay.toml:4: drop "d": on_arrival: "arrived" is not the path of a program; write it like ["/usr/local/bin/arrived", "{path}"]`,
	} {
		text := "[[drop]]\nname = \"d\"\ndirectory = \"d\"\non_arrival = [" + command + "]\nlisten = [\"127.0.0.1:80\"]\n"
		if want == "" {
			parse(t, "relay.toml", text)
		} else {
			wantMistakes(t, text, want)
		}
	}
}

// Whoever writes https:// is told that there is none.
func TestForwardNeedsPlainHTTP(t *testing.T) {
	for url, want := range map[string]string{
		"http://host:9000/in/":  "",
		"https://host:9000/in/": `relay speaks no TLS yet; write http://, and go through a tunnel where others can listen, in place of "https://host:9000/in/"`,
		"http://host:9000/in":   `"http://host:9000/in" is not the URL of a directory; write it like "http://host:9000/in/"`,
	} {
		text := "[[drop]]\nname = \"d\"\ndirectory = \"d\"\n[[drop.forward]]\nto = \"" + url + "\"\n"
		if want == "" {
			parse(t, "relay.toml", text)
		} else {
			wantMistakes(t, text, `relay.toml:5: drop "d": forward 1: to: `+want)
		}
	}
}

func TestSocketsThatCollide(t *testing.T) {
	long := "/" + strings.Repeat("x", unixPathMax)
	for _, tc := range []struct{ name, first, second, want string }{
		{"the same", "127.0.0.1:80", "127.0.0.1:80", `"127.0.0.1:80" is taken by "127.0.0.1:80" of listener "a"; an address can be listened on once`},
		{"the same in other words", "127.0.0.1:80", "[::ffff:127.0.0.1]:80", `"127.0.0.1:80" is taken by "127.0.0.1:80" of listener "a"; an address can be listened on once`},
		{"all, then one", "0.0.0.0:80", "127.0.0.1:80", `"127.0.0.1:80" is taken by "0.0.0.0:80" of listener "a"; an address can be listened on once`},
		{"one, then all", "[::1]:80", "[::]:80", `"[::]:80" is taken by "[::1]:80" of listener "a"; an address can be listened on once`},
		{"unix", "unix:/run/a", "unix:/run/../run/a", `"unix:/run/a" is taken by "unix:/run/a" of listener "a"; an address can be listened on once`},
		{"abstract", "unix:@a", "unix:@a", `"unix:@a" is taken by "unix:@a" of listener "a"; an address can be listened on once`},
		{"too long", "127.0.0.1:80", "unix:" + long, quote(long) + ` is 108 bytes long, and the kernel takes 107; use a shorter path`},
		{"other port", "127.0.0.1:80", "127.0.0.1:81", ""},
		{"other address", "127.0.0.1:80", "127.0.0.2:80", ""},
		{"other family", "0.0.0.0:80", "[::]:80", ""},
		{"other zone", "[fe80::1%a]:80", "[fe80::1%b]:80", ""},
		{"port 0", "127.0.0.1:0", "127.0.0.1:0", ""},
		{"a path and a name", "unix:/a", "unix:@/a", ""},
		{"as long as may be", "127.0.0.1:80", "unix:" + long[:unixPathMax], ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := "[[listener]]\nname = \"a\"\nupstream = \"u\"\nlisten = [\"" + tc.first + "\"]\n" +
				"[[drop]]\nname = \"b\"\ndirectory = \"d\"\nlisten = [\"" + tc.second + "\"]\nopen = true\n" +
				"[[upstream]]\nname = \"u\"\nbackend = [{address = \"127.0.0.1:9\"}]\n"
			if tc.want == "" {
				parse(t, "relay.toml", text)
				return
			}
			wantMistakes(t, text, `relay.toml:8: drop "b": listen: `+tc.want)
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	wantMistakes(
		t, `
lisener = 4
[engine]
loops = "two"
drain_timeout = 30
[admin]
listen = "127.0.0.1:9901"
[[upstream]]
name = "web"
balance = "fair"
[[upstream.backend]]
address = "example..org:80"
weight = 1_000
[[listener]]
name = "web"
listen = ["localhost:8080", ":80",
          "127.0.0.1:99999"] # three
upstream = "wbe"
idle_timeout = "10x"
`,
		`relay.toml:2: lisener: unknown key; did you mean "listener"?`,
		`relay.toml:4: engine: loops: the text "two" is not a whole number; write one from 0 to 1024, without quotes`,
		`relay.toml:5: engine: drain_timeout: 30 has no unit; write "30s" for seconds`,
		`relay.toml:10: upstream "web": balance: "fair" is not among the choices; write "round_robin", "least_connections", "random", "source_hash" or "first"`,
		`relay.toml:12: upstream "web": backend 1: address: "example..org:80": "example..org" is not a host name; write it like "app.example.org:80"`,
		`relay.toml:13: upstream "web": backend 1: weight: 1000 is out of range; write a number from 0 to 256`,
		`relay.toml:16: listener "web": listen: "localhost:8080": a listener needs an IP address, and "localhost" is a host name; write it like "127.0.0.1:8080"`,
		`relay.toml:16: listener "web": listen: ":80" does not say which address; write "0.0.0.0:80" for all of IPv4 or "[::]:80" for all of IPv6`,
		`relay.toml:16: listener "web": listen: "127.0.0.1:99999" has no usable port; write a number from 0 to 65535 after the last ':'`,
		`relay.toml:18: listener "web": upstream: there is no upstream "wbe"; did you mean "web"?`,
		`relay.toml:19: listener "web": idle_timeout: "10x" is not a duration; write it like "30s" or "10m"`,
	)
}

func TestASyntaxErrorStandsAlone(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"[engine]\nloops = \nlop = 1", `relay.toml:2:9: not valid TOML: `},
		{"[engine]\nloops = 1\nloops = 2", `relay.toml:3:`},
		{"[engine", `relay.toml:1:`},
		{"a = \"\x00\"", `relay.toml:1:1: not valid TOML: `},
		{"a = " + strings.Repeat("[", 1000), `relay.toml:1: nested too deep; `},
		{strings.Repeat("a.", 1000) + "a = 1", `relay.toml:1: nested too deep; `},
	} {
		_, err := Parse("relay.toml", []byte(tc.text))
		mistakes, ok := err.(Errors)
		if !ok || len(mistakes) != 1 || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%.40q: got %v, want one line %s…", tc.text, err, tc.want)
		}
	}
}

// insert puts lines below the header of the table and says on which line they
// now stand.
func insert(t *testing.T, text, table, lines string) (changed, line string) {
	t.Helper()
	header, ok := map[string]string{
		"top": "\n", "engine": "[engine]\n", "log": "[log]\n", "listener": "[[listener]]\n",
		"upstream": "[[upstream]]\n", "backend": "[[upstream.backend]]\n", "drop": "[[drop]]\n",
	}[table]
	before, after, found := strings.Cut(text, header)
	if !ok || !found {
		t.Fatalf("no table %s", table)
	}
	if strings.HasPrefix(lines, "[[") { // a table of its own goes behind its parent's keys
		keys, rest, _ := strings.Cut(after, "[[")
		header, after = header+keys, "[["+rest
	}
	before += header
	return before + lines + "\n" + after, strconv.Itoa(strings.Count(before, "\n") + 1)
}

func wantMistakes(t *testing.T, text string, want ...string) {
	t.Helper()
	_, err := Parse("relay.toml", []byte(text))
	var mistakes Errors
	if !errors.As(err, &mistakes) {
		t.Fatalf("got %v, want mistakes", err)
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestTooManyAddresses(t *testing.T) {
	text := func(n int) []byte {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("%q", fmt.Sprintf("127.0.0.1:%d", 2000+i)))
		}
		return []byte("[[drop]]\nname = \"a\"\ndirectory = \".\"\nlisten = [" + strings.Join(list, ",") + "]\n")
	}
	if _, err := Parse("relay.toml", text(listenMost)); err != nil {
		t.Error(err)
	}
	if _, err := Parse("relay.toml", text(listenMost+1)); err == nil || !strings.Contains(err.Error(), "has 257 addresses") {
		t.Errorf("257 addresses: %v", err)
	}
}
