//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// nginx is a web server to put behind a listener. It serves the shared directory, and
// takes uploads under /upload/.
type nginx struct {
	*process
	Address string
	uploads string // directory of what came under /upload/
}

// startNginx starts one on 127.0.0.1, on another host ("::1"), or on a unix socket
// ("unix"). More lines may be given for its server block.
func startNginx(t testing.TB, host string, lines ...string) *nginx {
	t.Helper()
	big(t) // it must be there to be served
	n := &nginx{uploads: t.TempDir()}
	if host == "unix" {
		n.Address = "unix:" + filepath.Join(harness.Directory(t), "nginx")
	} else {
		n.Address = freeAddress(t, host)
	}
	prefix := t.TempDir()
	conf := write(t, filepath.Join(prefix, "nginx.conf"), n.configuration(strings.Join(lines, " ")))
	n.process = program(t, "nginx", "-p", prefix, "-c", conf, "-e", "stderr").serve(t, n.Address)
	return n
}

// configuration keeps everything under the prefix. One process without a master: a
// master that is killed leaves its workers behind.
func (n *nginx) configuration(lines string) string {
	return fmt.Sprintf(`
daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 512; }
http {
	access_log off;
	sendfile on;
	client_max_body_size 0;
	client_body_temp_path body; # beside the uploads, or a PUT ends in a copy
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen %s;
		root %s;
		location /upload/ { root %s; dav_methods PUT; create_full_put_path on; }
		%s
	}
}`, n.Address, shared, n.uploads, lines)
}

// uploaded is the path of an upload.
func (n *nginx) uploaded(name string) string { return filepath.Join(n.uploads, "upload", name) }
