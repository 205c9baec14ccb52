package forward

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"relay/config"
)

// A token that was changed counts as soon as the one before is refused, also while other
// files of the forward are on their way.
func TestTokensAreReadAnew(t *testing.T) {
	var token atomic.Value
	token.Store("old")
	entered, hold, came := make(chan struct{}), make(chan struct{}), make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		content, err := io.ReadAll(q.Body)
		if err != nil || q.Header.Get("Authorization") != "Bearer "+token.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if string(content) == "slow" {
			close(entered)
			<-hold
		}
		came <- string(content)
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	defer close(hold)
	to := &receiver{Server: server, came: came}
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	f := start(t, to, func(c *config.Forward) { c.Parallel, c.TokenFile = 2, file })
	f.plant(t, "slow", "slow")
	<-entered
	f.plant(t, "first", "first")
	to.wantNext(t, "first")
	f.wantGone(t, "first")
	token.Store("new")
	f.plant(t, "second", "second")
	f.until(t, "it is refused", func() bool {
		one := f.files["second"]
		return one != nil && one.queued && one.legs[0].tries > 0
	})
	write("new")
	to.wantNext(t, "second")
}
