package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/admin"
)

// remote is how the commands that speak to a running relay find it.
type remote struct {
	file  *string // the configuration
	admin *string // instead: the address
	token *string // instead: the file of the token
}

func remoteFlags(c *cobra.Command) *remote {
	return &remote{
		file:  c.PersistentFlags().StringP("config", "c", "relay.toml", "configuration `FILE` that says where the running relay is"),
		admin: c.PersistentFlags().String("admin", "", "its admin `ADDRESS`, like 127.0.0.1:9901 or unix:/path, instead"),
		token: c.PersistentFlags().String("token-file", "", "`FILE` that holds its token, instead of the configuration's token_file"),
	}
}

// client speaks to a relay's admin interface.
type client struct {
	where  string // in words
	base   string
	tokens string // the file
	token  string
	http   *http.Client
}

// answerTime is how long a relay may take: a reload can wait for a name server.
const answerTime = 30 * time.Second

func (r *remote) client() (*client, error) {
	c, err := r.settings()
	if err != nil {
		return nil, failure{err}
	}
	to := &client{where: c.Listen.String(), tokens: c.TokenFile, http: &http.Client{Timeout: answerTime}}
	if c.Listen.IsUnix() {
		to.base = "http://relay"
		to.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.Listen.Unix)
		}}
	} else {
		to.base = "http://" + c.Listen.TCP.String()
	}
	if c.TokenFile != "" {
		to.token, _ = admin.ReadToken(c.TokenFile) // the answer tells whether it was needed
	}
	return to, nil
}

// settings are those of the flags, else of the configuration.
func (r *remote) settings() (config.Admin, error) {
	var c config.Admin
	if *r.admin == "" {
		loaded, err := config.Load(*r.file)
		if err != nil {
			return c, fmt.Errorf("%w\nor say where it is: --admin 127.0.0.1:9901 --token-file relay.token", err)
		}
		c = loaded.Admin
		if !c.On() {
			return c, fmt.Errorf("%s has no admin interface; add\n\n[admin]\nlisten = \"127.0.0.1:9901\"\n\nand restart or reload relay", *r.file)
		}
	} else {
		var err error
		if c.Listen, err = config.ParseAdmin(*r.admin); err != nil {
			return c, fmt.Errorf("--admin: %w", err)
		}
	}
	if c.Listen.Systemd != "" {
		return c, fmt.Errorf("%s listens on a socket of systemd's; say which address its unit has: --admin 127.0.0.1:9901 or --admin unix:/run/relay/admin.sock", *r.file)
	}
	if *r.token != "" {
		c.TokenFile = *r.token
	}
	if c.Listen.IsUnix() {
		c.TokenFile = ""
	}
	return c, nil
}

// ask sends a request and decodes the answer into one of ok (2xx) or, where it is given,
// refused (422).
func (c *client) ask(method, path string, body, ok, refused any) error {
	resp, err := c.send(method, path, body)
	if err != nil {
		return failure{err}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return nil
	case resp.StatusCode < http.StatusMultipleChoices:
		return json.NewDecoder(resp.Body).Decode(ok)
	case resp.StatusCode == http.StatusUnprocessableEntity && refused != nil:
		return json.NewDecoder(resp.Body).Decode(refused)
	case resp.StatusCode == http.StatusUnauthorized:
		return failure{c.tokenWanted()}
	}
	var problem struct{ Error string }
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&problem) != nil || problem.Error == "" {
		problem.Error = "it answers " + resp.Status + "; is this relay's admin address?"
	}
	return failure{errors.New(problem.Error)}
}

func (c *client) send(method, path string, body any) (*http.Response, error) {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequest(method, c.base+"/api/v1"+path, &text)
	if err != nil {
		return nil, err
	}
	req.Header.Set(admin.HeaderName, "cli")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("nobody answers at %s: %w\nis relay running, with [admin] listen as this configuration says?", c.where, err)
	}
	return resp, nil
}

func (c *client) tokenWanted() error {
	if _, err := admin.ReadToken(c.tokens); err != nil {
		return fmt.Errorf("relay at %s wants its token, and it cannot be read: %w\nrun this as the user that relay runs as, or say where a copy is: --token-file FILE", c.where, err)
	}
	return fmt.Errorf("relay at %s does not accept the token in %s\nname the file of that relay: --token-file FILE", c.where, c.tokens)
}

// backendPath is the route of a backend.
func backendPath(upstream, backend, action string) string {
	return strings.Join([]string{"/upstreams", url.PathEscape(upstream), "backends", url.PathEscape(backend), action}, "/")
}
