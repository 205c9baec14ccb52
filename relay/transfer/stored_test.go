package transfer

import "testing"

// Only a last part that is another one is another name, whatever else the answer says.
func TestOtherNames(t *testing.T) {
	for _, c := range []struct{ to, location, other string }{
		{"/in/a", "", ""},
		{"/in/a", "/in/a", ""},
		{"/in/a", "/in/a%20(1)", "http://h:1/in/a%20%281%29"},
		{"/in/a", "/in/a%20%281%29", "http://h:1/in/a%20%281%29"},
		{"/in/a", "http://h:1/in/a%20%281%29", "http://h:1/in/a%20%281%29"},
		{"/in/a(1)", "/in/a%281%29", ""},
		{"/%69n/a", "/in/b", "http://h:1/%69n/b"},
		{"/a", "/b", "http://h:1/b"},
		{"/proxied/in/a", "/in/a", ""}, // by somebody who does not tell of it
		{"/proxied/in/a", "/in/b", "http://h:1/proxied/in/b"},
		{"/in/a", "/proxied/in/b", ""}, // by other rules than ours
		{"/in/a", "/objects/17", ""},
		{"/in/a", "/in/", ""},
		{"/in/a", "/", ""},
		{"/in/a", "b", ""},
		{"/in/a", "/in/%", ""},
		{"/in/a", "/in/\x1b[2J", ""},
		{"/in/a", "/in/%1b[2J", "http://h:1/in/%1B%5B2J"},
	} {
		to, err := ParseURL("http://h:1" + c.to)
		if err != nil {
			t.Fatal(err)
		}
		p := post{to: to}
		p.storedAt(c.location)
		if got := p.event(Finished).Stored; got != c.other {
			t.Errorf("%s, stored at %q: %q, want %q", c.to, c.location, got, c.other)
		}
		if e := p.event(Failed); e.Stored != "" {
			t.Errorf("%+v", e)
		}
	}
}
