package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"relay/config"
)

// askHTTP asks for a page and looks at the status alone.
func (k *checker) askHTTP(conn net.Conn) error {
	host := k.config.Host
	if host == "" {
		host = k.address
		if k.backend.Unix {
			host = "localhost"
		}
	}
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relay-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		k.config.Path, host)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if !goodStatus(k.config.Status, answer.StatusCode) {
		return fmt.Errorf("answered %q", answer.Status)
	}
	return nil
}

func goodStatus(good []config.StatusRange, status int) bool {
	if len(good) == 0 {
		return status >= 200 && status <= 399
	}
	for _, r := range good {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}

// askTLS finishes a handshake. Whether the certificate is the right one is for the
// clients to say: sessions pass through relay unopened.
func (k *checker) askTLS(ctx context.Context, conn net.Conn) error {
	c := tls.Client(conn, &tls.Config{ServerName: k.config.Host, InsecureSkipVerify: true})
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	return c.CloseWrite() // says that this is the end, and leaves the connection to part
}
