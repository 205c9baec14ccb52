package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const small = `
[[listener]]
name = "web"
listen = ["127.0.0.1:8080"]
upstream = "web"
[[upstream]]
name = "web"
[[upstream.backend]]
address = "127.0.0.1:9001"
[[drop]]
name = "files"
listen = ["[::1]:9000"]
directory = "files"
`

func TestASmallFileHasDefaults(t *testing.T) {
	service := func(name, listen string) Service {
		return Service{
			Name:             name,
			Listen:           []Address{{TCP: netip.MustParseAddrPort(listen)}},
			HeaderTimeout:    5 * time.Second,
			IdleTimeout:      10 * time.Minute,
			HalfCloseTimeout: time.Minute,
			Backlog:          4096,
			Sockets:          freshSockets(),
		}
	}
	want := &Config{
		File: "/etc/relay/relay.toml",
		Engine: Engine{
			SpliceChunk: 1 << 20, CopyChunk: 16 << 10, PipeSize: 1 << 20, PipeBudget: 256 << 20,
			DrainTimeout: 30 * time.Second, RestartDrain: 5 * time.Second,
		},
		Log:       Log{Level: "info", Format: "json", Access: true},
		Admin:     Admin{TokenFile: "/etc/relay/relay.token"},
		Listeners: []Listener{{Service: service("web", "127.0.0.1:8080"), Upstream: "web"}},
		Upstreams: []Upstream{{
			Name: "web", ConnectTimeout: 5 * time.Second, ConnectRetries: 3, QueueTimeout: 10 * time.Second, Sockets: freshSockets(),
			Backends: []Backend{{Address: Address{TCP: netip.MustParseAddrPort("127.0.0.1:9001")}, Weight: 1}},
		}},
		Drops: []Drop{{
			Service: service("files", "[::1]:9000"), Directory: "/etc/relay/files", Watch: Watch{Settle: time.Second, Rescan: 5 * time.Minute},
			Uploads: freshUploads(),
		}},
	}
	if got := parse(t, "/etc/relay/relay.toml", small); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	c := parse(t, "relay.toml", `
engine = { loops = 2, splice = "never", splice_chunk = 65536, copy_chunk = "4 KiB", pipe_size = "2MiB", pipe_budget = "1GB", sessions_max = 7, drain_timeout = "0s", restart_drain_timeout = "1s" }
[log]
level = "debug"
format = "console"
access = false
[admin]
listen = "127.0.0.1:9901"
token_file = "secret/token"
[[listener]]
name = "web"
listen = ["[fe80::1%lo]:80", "[::ffff:127.0.0.1]:81", "unix:@web", "127.0.0.1:0", "127.0.0.1:0"]
upstream = "web"
sessions_max = 3
allow = ["10.1.2.3/8", "192.0.2.7", "::ffff:198.51.100.0/120"]
deny = ["2001:db8::1"]
header_timeout = "1ms"
idle_timeout = "1h30m"
half_close_timeout = "2s"
splice_chunk = "128KiB"
[[upstream]]
name = "web"
balance = "source_hash"
hash_key = "source_port"
hash_balance_factor = 125
slow_start = "20s"
queue_max = 50
queue_timeout = "3s"
panic_threshold = 40
on_down = "reset"
health_check = { type = "expect", interval = "1s", down_interval = "4s", timeout = "500ms", jitter = 0, fall = 1, rise = 4, port = 81, send = "PING\r\n", expect = "+PONG" }
ejection = { failures = 2, time = "1s", time_max = "9s", share_max = 100 }
connect_timeout = "1s"
connect_retries = 0
splice_chunk = "256KiB"
discover = "srv:_web._tcp.Example.org"
resolver = "[::1]:5353"
on_empty = "clear"
backend = [ { address = "App.example.org:80" }, { address = "unix:run/web.sock", weight = 0, backup = true, sessions_max = 9 } ]
[[drop]]
name = "files"
listen = ["unix:/run//files.sock"]
directory = "."
transfer = "mmap"
splice_chunk = "4KiB"
`)
	prefixes := func(all ...string) (ps []netip.Prefix) {
		for _, s := range all {
			ps = append(ps, netip.MustParsePrefix(s))
		}
		return ps
	}
	tcp := func(s string) Address { return Address{TCP: netip.MustParseAddrPort(s)} }
	want := &Config{
		File: "relay.toml",
		Engine: Engine{
			Loops: 2, Splice: SpliceNever, SpliceChunk: 65536, CopyChunk: 4096, PipeSize: 2 << 20,
			PipeBudget: 1e9, SessionsMax: 7, RestartDrain: time.Second,
		},
		Log:   Log{Level: "debug", Format: "console"},
		Admin: Admin{Listen: tcp("127.0.0.1:9901"), TokenFile: "secret/token"},
		Listeners: []Listener{{
			Service: Service{
				Name:             "web",
				Listen:           []Address{tcp("[fe80::1%lo]:80"), tcp("127.0.0.1:81"), {Unix: "@web"}, tcp("127.0.0.1:0"), tcp("127.0.0.1:0")},
				SessionsMax:      3,
				Allow:            prefixes("10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24"),
				Deny:             prefixes("2001:db8::1/128"),
				HeaderTimeout:    time.Millisecond,
				IdleTimeout:      90 * time.Minute,
				HalfCloseTimeout: 2 * time.Second,
				Backlog:          4096,
				Sockets:          freshSockets(),
			},
			Upstream: "web", SpliceChunk: 128 << 10,
		}},
		Upstreams: []Upstream{{
			Name: "web", ConnectTimeout: time.Second, SpliceChunk: 256 << 10, Sockets: freshSockets(),
			Balance: SourceHash, Hash: HashSourcePort, HashFactor: 125, SlowStart: 20 * time.Second,
			QueueMax: 50, QueueTimeout: 3 * time.Second, PanicThreshold: 40, OnDown: ResetSessions,
			HealthCheck: &HealthCheck{
				Type: CheckExpect, Interval: time.Second, DownInterval: 4 * time.Second, Timeout: 500 * time.Millisecond,
				Fall: 1, Rise: 4, Port: 81, Path: "/", Send: "PING\r\n", Expect: "+PONG",
			},
			Ejection: &Ejection{Failures: 2, Time: time.Second, TimeMax: 9 * time.Second, ShareMax: 100},
			Discover: "_web._tcp.example.org", Resolver: tcp("[::1]:5353"), OnEmpty: ClearBackends,
			Backends: []Backend{
				{Address: Address{Host: "app.example.org", TCP: netip.AddrPortFrom(netip.Addr{}, 80)}, Weight: 1},
				{Address: Address{Unix: "run/web.sock"}, Backup: true, SessionsMax: 9},
			},
		}},
		Drops: []Drop{{
			Service: freshService(), Directory: ".", Transfer: TransferMmap, SpliceChunk: 4096, Watch: Watch{Settle: time.Second, Rescan: 5 * time.Minute},
			Uploads: freshUploads(),
		}},
	}
	want.Drops[0].Name, want.Drops[0].Listen = "files", []Address{{Unix: "/run/files.sock"}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	text := `
[[drop]]
name = "files"
directory = "../srv"
listen = ["unix:run/a.sock", "unix:/run/b.sock", "unix:@c", "unix:./@d"]
`
	for _, tc := range []struct{ file, directory, a, d string }{
		{"/etc/relay/relay.toml", "/etc/srv", "/etc/relay/run/a.sock", "/etc/relay/@d"},
		{"conf/relay.toml", "srv", "conf/run/a.sock", "conf/@d"},
		{"relay.toml", "../srv", "run/a.sock", "./@d"},
	} {
		d := parse(t, tc.file, text).Drops[0]
		listen := []Address{{Unix: tc.a}, {Unix: "/run/b.sock"}, {Unix: "@c"}, {Unix: tc.d}}
		if d.Directory != tc.directory || !reflect.DeepEqual(d.Listen, listen) {
			t.Errorf("%s: got %s, %v", tc.file, d.Directory, d.Listen)
		}
	}
}

func TestLoadSaysWhatCannotBeRead(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	mistakes := Errors{}
	if _, err := Load("/dev/zero"); !errors.As(err, &mistakes) || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a device: %v", err)
	}
	path := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(path, []byte("[[drop]]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.As(err, &mistakes) || len(mistakes) != 3 {
		t.Errorf("an empty drop: %v", err)
	}
}

func TestValuesSpellThemselvesAsTheFileDoes(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{SpliceAlways.String(), "always"},
		{RoundRobin.String(), "round_robin"},
		{First.String(), "first"},
		{HashSNI.String(), "sni"},
		{ResetSessions.String(), "reset"},
		{CheckExpect.String(), "expect"},
		{ClearBackends.String(), "clear"},
		{Address{Host: "a.example", TCP: netip.AddrPortFrom(netip.Addr{}, 80)}.String(), "a.example:80"},
		{StatusRange{200, 200}.String(), "200"},
		{StatusRange{200, 399}.String(), "200-399"},
		{TransferCopy.String(), "copy"},
		{Address{Unix: "@web"}.String(), "unix:@web"},
		{Address{TCP: netip.MustParseAddrPort("[::1]:80")}.String(), "[::1]:80"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

// parse is Parse for a text that must be right.
func parse(t *testing.T, file, text string) *Config {
	t.Helper()
	c, err := Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
