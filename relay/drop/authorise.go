package drop

import (
	"encoding/base64"
	"net/http"
	"strings"

	"relay/relay/drop/token"
)

// identify finds out what the client may do: by the token that it shows, or by what
// those may who show none. false says that the request was answered.
func (c *Conn) identify() bool {
	d, e := c.drop, &c.request
	if d.tokens == nil {
		e.grant = d.everybody
		return true
	}
	secret, shown := secretOf(e.head.Header)
	if !shown {
		e.grant = d.tokens.Anyone()
		return true
	}
	grant, ok := d.tokens.Find(secret)
	if !ok {
		e.why = Denied
		c.askToken("this token is not known here")
		return false
	}
	e.grant = grant
	return true
}

// may reports that the client has a right to a path. If not, the request was answered:
// with 401 if a token might help, with 403 if one was shown.
func (c *Conn) may(right token.Rights, path string) bool {
	e := &c.request
	status, why := c.drop.deny(&e.grant, right, path)
	switch status {
	case 0:
		return true
	case statusUnauthorized:
		e.why = Denied
		c.askToken(why)
	default:
		e.why = Denied
		c.failBecause(status, why)
	}
	return false
}

// deny says how somebody is answered who has no right to a path; 0 = he has it.
func (d *Drop) deny(g *token.Grant, right token.Rights, path string) (status int, why string) {
	switch {
	case g.May(right, path):
		return 0, ""
	case d.tokens != nil && g.Name == "":
		return statusUnauthorized, "a token is needed; a browser takes it as the password, with any name"
	case d.tokens == nil && right&token.Delete != 0:
		return statusForbidden, "this needs a token with the right delete, and the drop has no tokens_file"
	}
	return statusForbidden, "the token has no right to " + right.String() + " here"
}

// askToken answers 401. Browsers ask for a name and a password then; the token goes in
// as the password.
func (c *Conn) askToken(why string) {
	fields := "WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic realm=\"" + c.drop.Service.Config.Name + "\", charset=\"UTF-8\"\r\n"
	c.failText(statusUnauthorized, fields, why)
}

// secretOf is the token in a request: a bearer's, or the password of whatever user.
func secretOf(h http.Header) (secret string, shown bool) {
	list := h["Authorization"]
	if len(list) == 0 {
		return "", false
	}
	scheme, value, _ := strings.Cut(list[0], " ")
	value = strings.TrimSpace(value)
	switch {
	case len(list) > 1:
		return "", true
	case strings.EqualFold(scheme, "Bearer"):
		return value, true
	case strings.EqualFold(scheme, "Basic"):
		pair, err := base64.StdEncoding.DecodeString(value)
		_, password, ok := strings.Cut(string(pair), ":")
		if err != nil || !ok {
			return "", true
		}
		return password, true
	}
	return "", true
}

// openRights are those of everybody in a drop without tokens.
func openRights(write bool) token.Grant {
	if write {
		return token.Everything(token.Read | token.List | token.Write)
	}
	return token.Everything(token.Read | token.List)
}
