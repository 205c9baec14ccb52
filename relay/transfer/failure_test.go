package transfer

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What a drop says is told, and what to do about it where the drop cannot know that.
func TestRefusalsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		says   []string
	}{
		{401, "401 Unauthorized: this token is not known here\n", []string{"this token is not known here; ", "RELAY_TOKEN"}},
		{401, "<html>a proxy's page</html>", []string{"Unauthorized: give a token"}},
		{409, "409 Conflict: there is a file of this name\n", []string{"Conflict: there is a file of this name"}},
		{405, "", []string{"Not Allowed: the drop takes no uploads"}},
	} {
		p, err := ParseURL("http://127.0.0.1:9000/a")
		if err != nil {
			t.Fatal(err)
		}
		err = badStatus(p, &http.Response{StatusCode: c.status, Body: io.NopCloser(strings.NewReader(c.body))})
		for _, want := range c.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%d %q: %q does not say %q", c.status, c.body, err, want)
			}
		}
		if !isFinal(err) {
			t.Errorf("%d %q is tried again", c.status, c.body)
		}
	}
}
