//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/test/harness"
)

// watched is a relay with something to see: two backends, a session that streams, and a
// slow download from a drop.
type watched struct {
	*harness.Relay
	url   string
	token string
	down  string // a backend
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	dir := harness.Directory(t)
	write(t, filepath.Join(dir, "large.bin"), strings.Repeat("0123456789abcdef", 4<<20))
	tick := listenTicking(t)
	c := harness.Proxy(tick, freeAddress(t, "127.0.0.1"))
	c.Admin = harness.Table{"listen": "127.0.0.1:0", "token_file": filepath.Join(dir, "token")}
	c.Drops = []harness.Table{{"name": "files", "listen": []string{"127.0.0.1:0"}, "directory": dir}}
	w := &watched{down: tick}
	w.Relay = harness.Start(t, c)
	w.url = "http://" + w.Message(t, "admin listening").Address + "/"
	w.token = strings.TrimSpace(read(t, filepath.Join(dir, "token")))
	for range 3 {
		conn, err := net.Dial("tcp", w.Address(t, "web"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		go io.Copy(io.Discard, conn)
	}
	slowly(t, w.Address(t, "files"))
	return w
}

// listenTicking is a backend that sends 10 kB ten times a second.
func listenTicking(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					if _, err := c.Write(make([]byte, 10_000)); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// slowly downloads a large file at about a megabyte a second, until the test ends.
func slowly(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprintf(c, "GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
	go func() {
		b := make([]byte, 50_000)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
}

// The page shows what goes on, and goes on showing it.
func TestStatusPageLive(t *testing.T) {
	w := startWatched(t)
	b := startBrowser(t)
	b.window(1280, 900, false)
	b.open(w.url)
	b.until("graphs appear", `!document.getElementById("graphs").hidden`)
	b.until("a line is drawn", `document.querySelectorAll("#throughput path.line")[0].getAttribute("d").split("L").length > 4`)
	b.until("sessions are listed", `document.querySelectorAll("#sessions tbody tr").length >= 1`)
	b.until("their rate is shown", `/kB\/s/.test(document.querySelector("#sessions tbody").textContent)`)
	b.until("the transfer has a bar", `parseFloat(document.querySelector(".transfer .bar i").style.width) > 0`)
	b.until("backends are listed", `document.querySelectorAll("#upstreams tbody tr").length === 2`)
	b.shot("desktop")
	b.ask("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.until("it is dark in the dark", `getComputedStyle(document.documentElement).backgroundColor === "rgb(18, 22, 26)"`)
	b.shot("dark")
	b.wantNoTrouble()
}

// Nothing is cut off or hangs over on a phone, and buttons are large enough for a thumb.
func TestStatusPagePhone(t *testing.T) {
	w := startWatched(t)
	b := startBrowser(t)
	for _, width := range []int{320, 390} {
		b.window(width, 844, true)
		b.open(w.url)
		b.until("it is live", `document.querySelectorAll("#sessions tbody tr").length >= 1 && !document.getElementById("graphs").hidden`)
		if over := b.eval(`document.documentElement.scrollWidth - innerWidth`); over != 0.0 {
			t.Errorf("at %d pixels the page is %v too wide", width, over)
		}
		if small := b.eval(`[...document.querySelectorAll("button")].filter(e => e.offsetHeight && e.offsetHeight < 40).length`); small != 0.0 {
			t.Errorf("%v buttons are too small", small)
		}
		b.shot(fmt.Sprintf("phone-%d", width))
	}
	b.wantNoTrouble()
}

// With the keyboard alone a backend is drained: Tab to its button, Enter, the token,
// Enter. The focus stays where it was, and the next order needs no token again.
func TestStatusPageKeyboard(t *testing.T) {
	w := startWatched(t)
	b := startBrowser(t)
	b.window(1280, 900, false)
	b.open(w.url)
	label := "Drain " + w.down
	b.until("the button is there", fmt.Sprintf(`!!document.querySelector('[aria-label=%q]')`, label))
	for range 20 {
		if b.eval(`document.activeElement.getAttribute("aria-label")`) == label {
			break
		}
		b.key("Tab", "Tab", 9, "")
	}
	b.key("Enter", "Enter", 13, "\r")
	b.until("the token is asked for", `document.getElementById("ask").open && document.activeElement.id === "token"`)
	b.shot("token")
	b.ask("Input.insertText", object{"text": "a wrong one, which is long enough"}, nil)
	b.key("Enter", "Enter", 13, "\r")
	b.until("it is asked for again", `document.getElementById("notice").textContent.includes("not accepted") && document.getElementById("ask").open`)
	b.ask("Input.insertText", object{"text": w.token}, nil)
	b.key("Enter", "Enter", 13, "\r")
	b.until("it is drained", `document.querySelector("#upstreams .health").textContent === "drained"`)
	b.until("the focus is kept", fmt.Sprintf(`document.activeElement.getAttribute("aria-label") === %q`, "Enable "+w.down))
	b.key("Enter", "Enter", 13, "\r")
	b.until("it is up again", `document.querySelector("#upstreams .health").textContent === "up"`)
}

// Without JavaScript the page is a table that says the same.
func TestStatusPageWithoutScript(t *testing.T) {
	w := startWatched(t)
	b := startBrowser(t)
	b.window(1000, 800, false)
	resp, err := http.Get(w.url)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if page := string(text); !strings.Contains(page, w.down) || !strings.Contains(page, "noscript") {
		t.Error(page)
	}
	b.ask("Emulation.setScriptExecutionDisabled", object{"value": true}, nil)
	b.open(w.url)
	if rows := b.eval(`document.querySelectorAll("#upstreams tbody tr").length`); rows != 2.0 {
		t.Errorf("%v backends are shown", rows)
	}
	if buttons := b.eval(`document.querySelectorAll("main button").length`); buttons != 0.0 {
		t.Errorf("%v buttons that do nothing", buttons)
	}
	b.shot("noscript")
	b.wantNoTrouble()
}

// When relay goes away the page says so.
func TestStatusPageWithoutRelay(t *testing.T) {
	w := startWatched(t)
	b := startBrowser(t)
	b.open(w.url)
	b.until("it is live", `document.getElementById("state").textContent === "serving"`)
	w.Signal(t, syscall.SIGKILL)
	w.Exit(t)
	b.until("it says so", `document.getElementById("state").textContent === "no answer"`)
}
