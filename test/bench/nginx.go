package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// nginxMain is what both uses share. The worker keeps the master's user, because the
// directories it works in are the bench's own.
const nginxMain = `%sdaemon off;
worker_processes 1;
%spid nginx.pid;
error_log stderr error;
worker_rlimit_nofile %d;
events { worker_connections %d; }
`

// nginxStream has nginx pass a FIN on and wait for the other side's, as relay and HAProxy
// do and as nginx by itself does not: it closes both ends at the first FIN, which loses
// what is still to come the other way, and saves the third of a short connection's end.
const nginxStream = `stream {
    access_log off;
    server {
        listen %s;
        proxy_pass %s;
        proxy_buffer_size %s;
        proxy_half_close on;
    }
}
`

const nginxHTTP = `http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    server {
        listen %s;
        root %s;
    }
}
`

// nginxBuffers are the sizes it copies through: its default, which is also HAProxy's
// and relay's, and an extra one with which it needs about a third less CPU.
var nginxBuffers = []struct {
	name, size string
	extra      bool
}{
	{name: "nginx", size: "16k"},
	{name: "nginx-256k", size: "256k", extra: true},
}

// nginxStreamModules are the places where distributions keep the stream module when
// it is not built in.
var nginxStreamModules = []string{
	"/usr/lib/nginx/modules/ngx_stream_module.so",
	"/usr/lib64/nginx/modules/ngx_stream_module.so",
}

// nginxPeers is nginx with the stream module, and nginx as a file server.
func nginxPeers() (proxies, servers []peer, err error) {
	path, version, err := find("nginx", "-v")
	if err != nil {
		return nil, nil, err
	}
	// The master ends its workers on SIGTERM; killed, it would leave them behind.
	nginx := peer{program: "nginx", version: version, onParentDeath: syscall.SIGTERM}
	for _, b := range nginxBuffers {
		proxy := nginx
		proxy.name, proxy.extra = b.name, b.extra
		proxy.command = func(at place) (*exec.Cmd, error) {
			return nginxCommand(path, at, loadStream(), fmt.Sprintf(nginxStream, at.listen, at.backend, b.size))
		}
		proxies = append(proxies, proxy)
	}
	server := nginx
	server.name = "nginx"
	server.command = func(at place) (*exec.Cmd, error) {
		return nginxCommand(path, at, "", fmt.Sprintf(nginxHTTP, at.listen, at.root))
	}
	return proxies, []peer{server}, nil
}

func nginxCommand(path string, at place, modules, block string) (*exec.Cmd, error) {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	text := fmt.Sprintf(nginxMain, modules, user, descriptorsWanted, descriptorsWanted-100) + block
	cmd := exec.Command(path, "-e", "stderr", "-p", at.dir, "-c", at.path("nginx.conf"))
	return cmd, at.write("nginx.conf", text)
}

func loadStream() string {
	for _, file := range nginxStreamModules {
		if _, err := os.Stat(file); err == nil {
			return fmt.Sprintf("load_module %s;\n", file)
		}
	}
	return ""
}
