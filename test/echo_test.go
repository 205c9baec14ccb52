package test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// Bulk streams leave room for a keystroke: one byte goes to its backend and back while
// 64 sessions stream at full speed through the same program. Tests and program share
// the machine, so only the release run asserts the promised 10 ms.
func TestEchoBesideBulk(t *testing.T) {
	if harness.Race {
		t.Skip("how long an echo takes says nothing under the race detector")
	}
	for _, splice := range spliceModes {
		t.Run(splice, func(t *testing.T) {
			e := startEchoer(t)
			r := setup{splice: splice, edit: func(c *harness.Config) {
				c.Listeners = append(c.Listeners, harness.Table{
					"name": "echo", "listen": []string{"127.0.0.1:0"}, "upstream": "echo",
				})
				c.Upstreams = append(c.Upstreams, harness.Table{
					"name": "echo", "backend": []harness.Table{{"address": e.backend}},
				})
			}}.start(t)
			alone := e.measure(t, r.Address(t, "echo"))
			flood(t, r, 64)
			median := e.measure(t, r.Address(t, "echo"))
			t.Logf("median echo of one byte: %v, beside 64 streams %v", alone, median)
			limit := 2 * time.Second
			if harness.Full {
				limit = 10 * time.Millisecond
			}
			if median > limit {
				t.Errorf("median echo %v, want below %v", median, limit)
			}
		})
	}
}

// flood starts this many sessions that stream until the test closes them.
func flood(t *testing.T, r *rig, streams int) {
	t.Helper()
	flowing := make([]atomic.Bool, streams)
	for i, p := range r.openMany(t, streams) {
		go func() {
			payload := make([]byte, mib)
			for {
				if _, err := p.client.Write(payload); err != nil {
					return
				}
			}
		}()
		go func() {
			sink := make([]byte, mib)
			for {
				if _, err := p.backend.Read(sink); err != nil {
					return
				}
				flowing[i].Store(true)
			}
		}()
	}
	for i := range flowing {
		harness.Eventually(t, "every stream flows", func() (bool, any) { return flowing[i].Load(), i })
	}
}

// echoer is a process of its own that echoes and measures: in the test's process its
// goroutines would queue behind those of the streams, and that would be measured.
type echoer struct {
	backend string // its backend's address

	ask    *bufio.Writer
	answer *bufio.Reader
}

// echoVariable makes the test's program an echoer.
const echoVariable = "RELAY_TEST_ECHO"

func startEchoer(t *testing.T) *echoer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), echoVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, "stdin", err)
	stdout, err := cmd.StdoutPipe()
	must(t, "stdout", err)
	must(t, "start", cmd.Start())
	t.Cleanup(func() {
		stdin.Close() // ends it
		_ = cmd.Wait()
	})
	e := &echoer{ask: bufio.NewWriter(stdin), answer: bufio.NewReader(stdout)}
	e.backend = e.line(t)
	return e
}

func (e *echoer) line(t *testing.T) string {
	t.Helper()
	line, err := e.answer.ReadString('\n')
	must(t, "the echoing process", err)
	return strings.TrimSpace(line)
}

// measure is the median time of an echo through this address.
func (e *echoer) measure(t *testing.T, address string) time.Duration {
	t.Helper()
	fmt.Fprintln(e.ask, address)
	must(t, "ask", e.ask.Flush())
	median, err := time.ParseDuration(e.line(t))
	must(t, "the echoing process", err)
	return median
}

// runEchoer is the body of the echoer's process: it says its backend's address, then
// answers each address that it reads with the median of echoes through it.
func runEchoer() error {
	backend, err := peer.Serve("127.0.0.1:0", echoBytes)
	if err != nil {
		return err
	}
	defer backend.Close()
	fmt.Println(backend.Address)
	addresses := bufio.NewScanner(os.Stdin)
	for addresses.Scan() {
		median, err := medianEcho(addresses.Text())
		if err != nil {
			return err
		}
		fmt.Println(median)
	}
	return nil
}

// echoBytes sends every byte back.
func echoBytes(c *peer.Conn) {
	var one [1]byte
	for {
		if _, err := c.Read(one[:]); err != nil {
			return
		}
		if _, err := c.Write(one[:]); err != nil {
			return
		}
	}
}

// medianEcho sends single bytes to and fro for a while and returns the median of the
// times that took.
func medianEcho(address string) (time.Duration, error) {
	const most, enough = 1000, 2 * time.Second
	c, err := peer.Dial(address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var times []time.Duration
	var one [1]byte
	for begin := time.Now(); len(times) < most && time.Since(begin) < enough; {
		start := time.Now()
		sent := byte(len(times))
		if _, err := c.Write([]byte{sent}); err != nil {
			return 0, err
		}
		if _, err := c.Read(one[:]); err != nil || one[0] != sent {
			return 0, fmt.Errorf("echo of %d: %d, %w", sent, one[0], err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
