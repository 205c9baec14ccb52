package test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"relay/test/harness"
	"relay/test/peer"
)

// delivered waits until all that c wrote is in the other kernel.
func delivered(t testing.TB, c *peer.Conn) {
	t.Helper()
	harness.Eventually(t, "everything written is acknowledged", func() (bool, any) {
		n, err := c.Unsent()
		return err == nil && n == 0, fmt.Sprint(n, " bytes left, ", err)
	})
}

// seen is how a reader saw its stream end.
type seen struct {
	end   peer.Ending
	bytes int64
	err   error
}

func (s seen) String() string { return fmt.Sprintf("%v after %d bytes (%v)", s.end, s.bytes, s.err) }

// reading reads a flow to its end, beside the test.
func reading(f *peer.Flow, c *peer.Conn) <-chan seen {
	result := make(chan seen, 1)
	go func() {
		end, err := f.Receive(c)
		result <- seen{end, f.Received(), err}
	}()
	return result
}

// sending sends a flow and its FIN, beside the test.
func sending(f *peer.Flow, c *peer.Conn) <-chan error {
	result := make(chan error, 1)
	go func() {
		err := f.Send(c)
		if err == nil {
			err = c.CloseWrite()
		}
		result <- err
	}()
	return result
}

// wantReset reads on to the end of the connection, which must be a reset after
// exactly these bytes.
func wantReset(t testing.TB, c *peer.Conn, f *peer.Flow, bytes int64) {
	t.Helper()
	if got := <-reading(f, c); got.end != peer.Reset || got.bytes != bytes {
		t.Errorf("%v, want a reset after %d", got, bytes)
	}
}

// wantCutOff is wantReset for a connection on which nothing was sent.
func wantCutOff(t testing.TB, c *peer.Conn) {
	t.Helper()
	wantReset(t, c, peer.NewFlow(0), 0)
}

// wantRefused connects a client from a local address, "" for any, that must be
// reset, and checks the reason in the access log.
func (r *rig) wantRefused(t testing.TB, local, address string, reasons ...string) harness.Session {
	t.Helper()
	client, end, err := peer.Doomed(local, address)
	if end != peer.Reset {
		t.Errorf("%s saw %v (%v), want a reset", client, end, err)
	}
	return r.wantReasonOf(t, client, reasons...)
}

// wantReason waits for the session's line in the access log and checks why it
// says that the session ended.
func (r *rig) wantReason(t testing.TB, client *peer.Conn, reasons ...string) harness.Session {
	t.Helper()
	return r.wantReasonOf(t, client.LocalAddr().String(), reasons...)
}

func (r *rig) wantReasonOf(t testing.TB, client string, reasons ...string) harness.Session {
	t.Helper()
	s := r.Session(t, client)
	if !slices.Contains(reasons, s.Reason) {
		t.Errorf("the session ended for the reason %q, want %q (%+v)", s.Reason, reasons, s)
	}
	return s
}

// within fails the test if since is not between low and high ago.
func within(t testing.TB, what string, since time.Time, low, high time.Duration) {
	t.Helper()
	if took := time.Since(since); took < low || took > high {
		t.Errorf("%s took %v, want between %v and %v", what, took, low, high)
	}
}
