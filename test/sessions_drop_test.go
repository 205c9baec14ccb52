package test

import (
	"strings"
	"testing"

	"relay/test/harness"
)

// An upload that is under way is listed under the name that its file is to have, also one
// that can be resumed, which arrives at a place of its own.
func TestSessionsListUploads(t *testing.T) {
	t.Parallel()
	r := startUploads(t, func(c *harness.Config, _ harness.Table) { c.Admin = harness.Table{"listen": "127.0.0.1:0"} })
	to := "--admin=" + r.Message(t, "admin listening").Address
	const all = 2 << 20
	for _, head := range []string{
		ask("PUT", "/d/plain", "Content-Length: 2097152"),
		patch(r.begin(t, "/d/resumable", all), 0, all, "?0"),
	} {
		c := r.client(t)
		c.say(t, head)
		if _, err := c.Write(make([]byte, all/2)); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, "both in the list", func() (bool, any) {
		o := harness.Run(t, "sessions", to)
		return o.Code == 0 && strings.Contains(o.Stdout, `"/d/plain"`) && strings.Contains(o.Stdout, `"/d/resumable"`) &&
			strings.Count(o.Stdout, "receiving") == 2 && !strings.Contains(o.Stdout, "No such sessions"), o
	})
	if o := harness.Run(t, "sessions", "--json", to); !strings.Contains(o.Stdout, `"transfers": {`) || !strings.Contains(o.Stdout, `"/d/resumable"`) {
		t.Error(o)
	}
	if o := harness.Run(t, "sessions", "--listener=web", to); !strings.Contains(o.Stdout, "No such sessions") {
		t.Error("drops have no listeners:", o)
	}
}
