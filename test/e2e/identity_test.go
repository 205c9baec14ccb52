//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"relay/test/harness"
)

// site is an nginx that answers over TLS, by HTTP/2 if asked, with a word of its own, and
// logs who its client is by the PROXY header in front of everything.
type site struct {
	*process
	Address string
	log     string
}

// startSite starts one for a name, such as "a.example.org". Its certificate is for that
// name, and its word is the name. It says who its client is only where it expects a
// PROXY header.
func startSite(t testing.TB, name string, expectsProxy bool) *site {
	t.Helper()
	s := &site{Address: freeAddress(t, "127.0.0.1")}
	prefix := t.TempDir()
	s.log = filepath.Join(prefix, "access.log")
	key, cert := filepath.Join(prefix, "key.pem"), filepath.Join(prefix, "cert.pem")
	program(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
		"-subj", "/CN="+name, "-addext", "subjectAltName=DNS:"+name, "-days", "2", "-keyout", key, "-out", cert).ok(t)
	listen := s.Address + " ssl http2"
	if expectsProxy {
		listen += " proxy_protocol"
	}
	conf := write(t, filepath.Join(prefix, "nginx.conf"), fmt.Sprintf(`
daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 512; }
http {
	log_format who "$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_port $server_protocol";
	access_log %s who;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen %s;
		ssl_certificate %s;
		ssl_certificate_key %s;
		location / { return 200 "%s over $server_protocol"; }
	}
}`, s.log, listen, cert, key, name))
	s.process = program(t, "nginx", "-p", prefix, "-c", conf, "-e", "stderr").serve(t, s.Address)
	return s
}

// startSites puts two sites behind one listener, told apart by the name that clients ask
// for. The second is where clients go that ask for none.
func startSites(t testing.TB, sendProxy string) (r *harness.Relay, first, second *site) {
	t.Helper()
	expects := sendProxy != "off"
	first, second = startSite(t, "a.example.org", expects), startSite(t, "b.example.net", expects)
	c := harness.Proxy(second.Address)
	c.Upstream()["send_proxy"] = sendProxy
	c.Upstreams = append(c.Upstreams, harness.Table{
		"name": "org", "send_proxy": sendProxy, "backend": []harness.Table{{"address": first.Address}},
	})
	c.Listener()["route"] = []harness.Table{{"sni": []string{"*.example.org"}, "upstream": "org"}}
	return harness.Start(t, c), first, second
}

// TestNginxLogsTheClient has nginx log the address in the PROXY header, both versions.
func TestNginxLogsTheClient(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			r, _, second := startSites(t, version)
			port := portOf(t, r.Address(t, "web"))
			got := program(t, "curl", "-skS", "--interface", "127.0.0.5", "-w", "\n%{local_port}",
				"https://127.0.0.1:"+port+"/").ok(t)
			word, local, _ := strings.Cut(got, "\n")
			if !strings.HasPrefix(word, "b.example.net over") {
				t.Errorf("said %q", word)
			}
			want := fmt.Sprintf("127.0.0.5:%s to %s ", local, port)
			harness.Eventually(t, "nginx logs "+want, func() (bool, any) {
				log := read(t, second.log)
				return strings.Contains(log, want), log
			})
		})
	}
}

// TestOpenSSLServerName asks for names by openssl: each gets the site with its
// certificate, and TLS passes through untouched.
func TestOpenSSLServerName(t *testing.T) {
	r, _, _ := startSites(t, "off")
	for asked, want := range map[string]string{"a.example.org": "a.example.org", "b.example.net": "b.example.net", "": "b.example.net"} {
		args := []string{"s_client", "-connect", r.Address(t, "web"), "-noservername"}
		if asked != "" {
			args = append(args[:3:3], "-servername", asked)
		}
		if got := program(t, "openssl", args...).text("").ok(t); !strings.Contains(got, "CN = "+want) && !strings.Contains(got, "CN="+want) {
			t.Errorf("asked for %q, got %s", asked, got)
		}
	}
}

// TestCurlHTTP2ByServerName speaks HTTP/2 with the site that the name leads to.
func TestCurlHTTP2ByServerName(t *testing.T) {
	r, first, _ := startSites(t, "v2")
	port := portOf(t, r.Address(t, "web"))
	for _, name := range []string{"a.example.org", "b.example.net"} {
		got := program(t, "curl", "-skS", "--http2", "--resolve", name+":"+port+":127.0.0.1",
			"https://"+name+":"+port+"/").ok(t)
		if got != name+" over HTTP/2.0" {
			t.Errorf("%s said %q", name, got)
		}
	}
	s := r.SessionWhere(t, "the route", func(s harness.Session) bool { return s.Upstream == "org" })
	if s.Backend != first.Address {
		t.Errorf("%+v", s)
	}
}

// TestSSHBehindSourceRoutes is a protocol in which the server speaks first: where sources
// decide, it does not wait for the client.
func TestSSHBehindSourceRoutes(t *testing.T) {
	s := startSSH(t)
	backend := "127.0.0.1:" + s.port()
	c := harness.Proxy("127.0.0.1:1") // nobody is there
	c.Listener()["header_timeout"] = "1h"
	c.Listener()["route"] = []harness.Table{{"source": []string{"127.0.0.0/8"}, "upstream": "ssh"}}
	c.Upstreams = append(c.Upstreams, harness.Table{"name": "ssh", "backend": []harness.Table{{"address": backend}}})
	r := harness.Start(t, c)
	s.options = append([]string{"-o", "Port=" + portOf(t, r.Address(t, "web"))}, s.options...) // ssh takes the first
	if got := s.ssh(t, "echo routed").ok(t); got != "routed\n" {
		t.Errorf("the command said %q", got)
	}
	if s := r.SessionWhere(t, "ssh", func(harness.Session) bool { return true }); s.Upstream != "ssh" || s.Reason != "complete" {
		t.Errorf("%+v", s)
	}
}

// port is where the server behind the first relay is reached.
func (s *sshServer) port() string {
	for _, o := range s.options {
		if p, ok := strings.CutPrefix(o, "Port="); ok {
			return p
		}
	}
	return ""
}
