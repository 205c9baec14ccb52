//go:build e2e

package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, spoken to over a pipe in its DevTools protocol: JSON
// messages, each ended by a zero byte. One page is open in it.
type browser struct {
	t       testing.TB
	to      *os.File
	session string

	mu       sync.Mutex
	next     int
	waiting  map[int]chan reply
	troubles []string // what the page's console complained of
	password string   // the person's answer when a server asks for one; "" = Cancel
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// object is a JSON object that is sent.
type object = map[string]any

// startBrowser opens an empty page.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	read1, write1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read2, write2, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := program(t, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
		"--user-data-dir="+t.TempDir())
	p.ExtraFiles = []*os.File{read1, write2} // descriptors 3 and 4
	p.start(t)
	read1.Close()
	write2.Close()
	b := &browser{t: t, to: write1, waiting: map[int]chan reply{}}
	go b.listen(read2)
	t.Cleanup(func() { b.call("Browser.close", nil) })
	var target struct{ TargetID string }
	b.ask("Target.createTarget", object{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.ask("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.ask(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) listen(from *os.File) {
	defer from.Close()
	messages := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(text[:len(text)-1], &r) != nil {
			continue
		}
		b.mu.Lock()
		switch c := b.waiting[r.ID]; {
		case c != nil:
			delete(b.waiting, r.ID)
			c <- r
		case r.Method == "Log.entryAdded" || r.Method == "Runtime.exceptionThrown":
			b.troubles = append(b.troubles, string(r.Params))
		case r.Method == "Fetch.requestPaused" || r.Method == "Fetch.authRequired":
			b.goOn(r)
		}
		b.mu.Unlock()
	}
}

// answerAs has the browser's question for a name and a password answered from now on: with
// this password, or by Cancel.
func (b *browser) answerAs(password string) {
	b.t.Helper()
	b.mu.Lock()
	b.password = password
	b.mu.Unlock()
	b.ask("Fetch.enable", object{"handleAuthRequests": true}, nil)
}

// goOn lets a request pass that waits for us since answerAs; b.mu is held.
func (b *browser) goOn(r reply) {
	var paused struct{ RequestID string }
	_ = json.Unmarshal(r.Params, &paused)
	method, params := "Fetch.continueRequest", object{"requestId": paused.RequestID}
	if r.Method == "Fetch.authRequired" {
		method = "Fetch.continueWithAuth"
		answer := object{"response": "CancelAuth"}
		if b.password != "" {
			answer = object{"response": "ProvideCredentials", "username": "me", "password": b.password}
			b.password = "" // who is asked again was not believed
		}
		params["authChallengeResponse"] = answer
	}
	b.next++
	_ = b.write(b.next, method, params)
}

// write sends a command.
func (b *browser) write(id int, method string, params object) error {
	message := object{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" && method != "Browser.close" {
		message["sessionId"] = b.session
	}
	text, _ := json.Marshal(message)
	_, err := b.to.Write(append(text, 0))
	return err
}

// call sends a command and waits for its outcome.
func (b *browser) call(method string, params object) (reply, bool) {
	b.mu.Lock()
	b.next++
	id, done := b.next, make(chan reply, 1)
	b.waiting[id] = done
	b.mu.Unlock()
	if b.write(id, method, params) != nil {
		return reply{}, false
	}
	select {
	case r := <-done:
		return r, true
	case <-time.After(limit / 3):
		return reply{}, false
	}
}

// ask is call, for what must work.
func (b *browser) ask(method string, params object, into any) {
	b.t.Helper()
	r, ok := b.call(method, params)
	if !ok || r.Error != nil {
		b.t.Fatalf("%s: %+v", method, r)
	}
	if into != nil {
		if err := json.Unmarshal(r.Result, into); err != nil {
			b.t.Fatal(err)
		}
	}
}

// eval runs JavaScript in the page and returns its value, as JSON has it.
func (b *browser) eval(script string) any {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.ask("Runtime.evaluate", object{"expression": script, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, r.ExceptionDetails)
	}
	return r.Result.Value
}

// tryEval is eval where the page may just be leaving for another.
func (b *browser) tryEval(script string) any {
	b.t.Helper()
	r, ok := b.call("Runtime.evaluate", object{"expression": script, "returnByValue": true, "awaitPromise": true})
	var v struct{ Result struct{ Value any } }
	if !ok || r.Error != nil || json.Unmarshal(r.Result, &v) != nil {
		return r.Error
	}
	return v.Result.Value
}

// until waits for JavaScript to be true.
func (b *browser) until(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(limit / 4); ; time.Sleep(50 * time.Millisecond) {
		v := b.tryEval(script)
		if v == true {
			return
		}
		if time.Now().After(deadline) {
			b.shot("failed")
			b.t.Fatalf("%s: %s is %v", what, script, v)
		}
	}
}

// open goes to an address and waits until it is loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	b.ask("Page.navigate", object{"url": url}, nil)
	b.until("the page loads", fmt.Sprintf("location.href.startsWith(%q) && document.readyState === 'complete'", url))
}

// key presses a key.
func (b *browser) key(name, code string, number int, text string) {
	b.t.Helper()
	k := object{"type": "keyDown", "key": name, "code": code, "windowsVirtualKeyCode": number}
	if text != "" {
		k["text"] = text
	}
	b.ask("Input.dispatchKeyEvent", k, nil)
	b.ask("Input.dispatchKeyEvent", object{"type": "keyUp", "key": name, "code": code, "windowsVirtualKeyCode": number}, nil)
}

// window sets its size in CSS pixels.
func (b *browser) window(width, height int, phone bool) {
	b.t.Helper()
	b.ask("Emulation.setDeviceMetricsOverride", object{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}, nil)
}

// shot writes a picture of the whole page into the directory RELAY_SHOTS, if it is set.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("RELAY_SHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.ask("Page.captureScreenshot", object{"captureBeyondViewport": true}, &r)
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// wantNoTrouble fails if the console has anything to say: a script that broke, a request
// that failed, something that the content policy forbids.
func (b *browser) wantNoTrouble() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.troubles {
		b.t.Errorf("the console says %s", one)
	}
}
