package proxy

import (
	"bufio"
	"net"
	"testing"

	"github.com/pires/go-proxyproto"

	"relay/config"
)

// A health check says that the proxy itself is calling, in the version that sessions use.
func TestIntroduce(t *testing.T) {
	for _, version := range []config.SendProxy{config.SendProxyV1, config.SendProxyV2} {
		checker, backend := net.Pipe()
		sent := make(chan error, 1)
		go func() { sent <- preface(version)(checker) }()
		h, err := proxyproto.Read(bufio.NewReader(backend))
		if err != nil || <-sent != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if h.Version != byte(version) || h.SourceAddr != nil || h.TransportProtocol != proxyproto.UNSPEC {
			t.Errorf("version %d: the backend was told %+v", version, h)
		}
	}
}
