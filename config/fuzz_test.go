package config

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzParse checks that no text brings Parse down, that every mistake is one line
// with something to say, and that what passes is a Config others can rely on.
func FuzzParse(f *testing.F) {
	prose := regexp.MustCompile(`(?m) *#.*$|^\n`) // short seeds make a fast fuzzer
	for _, file := range shippedFiles(f) {
		keys := defaultLine.ReplaceAllString(read(f, file), "$1")
		f.Add(prose.ReplaceAllString(keys, ""))
	}
	f.Add(small)
	f.Add("engine = {loops = 1, splice = 'never'}\ndrop = [{name = \"a\", listen = ['''unix:@a'''], directory = '.'}]")
	f.Add("[[listener]]\nname = 1979-05-27T07:32:00Z\n[listener.route]\n[[upstream.backend]]\n\"a\\nb\".c = [[1], {x = 1e9}]\n")
	f.Add("a = \"\"\"\\\n  \"\"\"\"\"\nb = '''x''''\n[\"\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			t.Skip("size is not what is tried here")
		}
		c, err := Parse("dir/relay.toml", []byte(text))
		if err == nil {
			checkConfig(t, c)
			return
		}
		checkErrors(t, err, strings.Count(text, "\n")+1)
	})
}

func checkErrors(t *testing.T, err error, lines int) {
	mistakes, ok := err.(Errors)
	if !ok || len(mistakes) == 0 {
		t.Fatalf("not a list of mistakes: %#v", err)
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(mistakes) {
		t.Errorf("%d mistakes on %d lines: %q", len(mistakes), n, err)
	}
	for i, m := range mistakes {
		switch {
		case m.File != "dir/relay.toml" || m.Text == "":
			t.Errorf("says nothing: %+v", m)
		case m.Line < 0 || m.Line > lines:
			t.Errorf("line %d of %d: %s", m.Line, lines, m)
		case i > 0 && m.Line < mistakes[i-1].Line:
			t.Errorf("out of order: %s", err)
		}
	}
}

// checkConfig is what the rest of the program takes for granted.
func checkConfig(t *testing.T, c *Config) {
	e := c.Engine
	holds(t, "engine", e.Loops >= 0, e.SpliceChunk >= 4<<10, e.CopyChunk >= 1<<10, e.PipeSize >= 4<<10,
		e.PipeBudget >= int64(e.PipeSize), e.SessionsMax >= 0, e.DrainTimeout >= 0, e.Splice.String() != "")
	holds(t, "log", c.Log.Level != "", c.Log.Format == "json" || c.Log.Format == "console")
	holds(t, "anything to do", len(c.Listeners)+len(c.Drops) > 0)

	upstreams := map[string]bool{}
	for _, u := range c.Upstreams {
		holds(t, "upstream", u.Name != "", !upstreams[u.Name], u.ConnectTimeout > 0, u.ConnectRetries >= 0,
			u.SpliceChunk >= 0, u.Balance.String() != "", len(u.Backends) > 0 || u.Discover != "", u.QueueTimeout > 0,
			u.HashFactor == 0 || u.HashFactor > 100 && u.Balance == SourceHash, u.QueueMax >= 0)
		if h := u.HealthCheck; h != nil {
			_, err := regexp.Compile(h.ExpectRegexp)
			holds(t, "health check", h.Interval > 0, h.Timeout > 0, h.Fall > 0, h.Rise > 0, err == nil, strings.HasPrefix(h.Path, "/"))
		}
		upstreams[u.Name] = true
		checkBackends(t, u.Backends)
	}
	listeners, drops := map[string]bool{}, map[string]bool{}
	for _, l := range c.Listeners {
		checkService(t, l.Service)
		holds(t, "listener", len(l.Listen) > 0, !listeners[l.Name], upstreams[l.Upstream], l.SpliceChunk >= 0)
		listeners[l.Name] = true
	}
	for _, d := range c.Drops {
		checkService(t, d.Service)
		holds(t, "drop", len(d.Listen)+len(d.Forwards) > 0, !drops[d.Name], d.Directory != "", d.SpliceChunk >= 0, d.Transfer.String() != "")
		drops[d.Name] = true
	}
}

func checkBackends(t *testing.T, backends []Backend) {
	seen := map[Address]bool{}
	for _, b := range backends {
		checkAddress(t, b.Address)
		holds(t, "backend", !seen[b.Address], b.Weight >= 0, b.Weight <= 256, b.SessionsMax >= 0,
			b.Address.IsUnix() || b.Address.TCP.Port() > 0, !b.Address.TCP.Addr().IsUnspecified())
		seen[b.Address] = true
	}
}

func checkService(t *testing.T, s Service) {
	holds(t, "service", s.Name != "", s.SessionsMax >= 0, s.HeaderTimeout >= time.Millisecond,
		s.IdleTimeout >= time.Millisecond, s.HalfCloseTimeout >= time.Millisecond)
	for _, a := range s.Listen {
		checkAddress(t, a)
	}
	for _, p := range append(s.Allow, s.Deny...) {
		holds(t, "prefix", p.IsValid(), p == p.Masked(), !p.Addr().Is4In6())
	}
}

func checkAddress(t *testing.T, a Address) {
	kinds := 0
	for _, is := range []bool{a.IsUnix(), a.TCP.IsValid(), a.Host != ""} {
		if is {
			kinds++
		}
	}
	holds(t, "address", kinds == 1, !a.TCP.Addr().Is4In6(), len(a.Unix) <= 107,
		!strings.ContainsRune(a.Unix, 0), a.Unix != "@")
}

func holds(t *testing.T, what string, all ...bool) {
	t.Helper()
	for i, ok := range all {
		if !ok {
			t.Errorf("%s: property %d does not hold", what, i)
		}
	}
}
