package flow

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"relay/pipepool"
	"relay/relay/sock"
)

// TestMoveWithin gives a flow budgets of all sizes: it takes no byte more, and none is
// lost, whichever way it moves.
func TestMoveWithin(t *testing.T) {
	for name, mode := range map[string]Mode{"auto": Auto, "always": Always, "never": Never} {
		t.Run(name, func(t *testing.T) {
			pool := pipepool.New(pipepool.NewBudget(16<<20), 1<<20, func() int64 { return 0 })
			defer pool.Close()
			m := NewMover(mode, pool, 16<<10)
			source, sink := stream(t), stream(t)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
			if n, errno := sock.Send(source[0], sent, false); n != len(sent) || errno != 0 {
				t.Fatal(n, errno)
			}
			f := &Flow{Remain: Unlimited, Chunk: 1 << 20}
			src, dst := &End{FD: source[1]}, &End{FD: sink[0]}
			var got []byte
			buf := make([]byte, len(sent))
			for budget := int64(0); len(got) < len(sent); budget = (budget*3 + 1) % 70_000 {
				st, took := m.MoveWithin(f, src, dst, budget)
				if took > budget || f.Holds() || st == Ended || st == SourceFailed || st == SinkFailed {
					t.Fatalf("budget %d: took %d, status %d", budget, took, st)
				}
				if budget > 0 && took == 0 {
					t.Fatalf("budget %d: nothing moves", budget)
				}
				if took > 0 {
					n, _ := sock.Recv(sink[1], buf)
					got = append(got, buf[:n]...)
				}
				if int64(len(got)) != int64(f.Moved) {
					t.Fatalf("%d bytes arrived, %d are counted", len(got), f.Moved)
				}
			}
			if !bytes.Equal(got, sent) {
				t.Error("other bytes")
			}
			sock.Shutdown(source[0], unix.SHUT_WR)
			if st, _ := m.MoveWithin(f, src, dst, 0); st != Moved {
				t.Errorf("no budget: status %d", st)
			}
			if st := m.Move(f, src, dst); st != Ended {
				t.Errorf("status %d, want the end", st)
			}
		})
	}
}

// stream is a connected pair of sockets with room for the test.
func stream(t *testing.T) [2]int {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close(fds[0]); sock.Close(fds[1]) })
	for _, fd := range fds {
		sock.SetInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
	}
	return fds
}
