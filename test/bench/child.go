package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// childArgument as the first argument makes this program one end of a measurement;
// the second argument is its job.
const childArgument = "child-of-bench"

// listenerFD is where an accepting child finds its listening socket.
const listenerFD = 3

// job is all that a child needs to know.
type job struct {
	Role     role
	Target   string // where to connect to; empty: accept on listenerFD
	Streams  int
	Size     int64 // body of a response
	Once     bool  // the answering end closes after one answer
	SameHead bool  // every response has a head as long as the first one's
	Warm     time.Duration
	Window   time.Duration
	Peer     int // the peer's process id, for the end that measures
}

// report is what a child has to say when it is done.
type report struct {
	Error    string
	Total    progress // all that this end sent or received, warm-up and drain included
	Window   measured
	P50, P99 time.Duration
	Idle     []idleReading
}

type role string

const (
	roleSource role = "source" // sends a stream as fast as it is taken
	roleSink   role = "sink"   // discards streams, and measures
	roleEcho   role = "echo"   // answers each small message with itself
	roleAsk    role = "ask"    // sends small messages and waits for each answer, and measures
	roleShort  role = "short"  // a connection for every message, and measures
	roleIdle   role = "idle"   // holds connections that say nothing, and measures
	roleServe  role = "serve"  // answers each request head with a response
	roleFetch  role = "fetch"  // asks for responses and discards them, and measures
)

var roles = map[role]func(job) (report, error){
	roleSource: runSource,
	roleSink:   runSink,
	roleEcho:   runEcho,
	roleAsk:    runAsk,
	roleShort:  runShort,
	roleIdle:   runIdle,
	roleServe:  runServe,
	roleFetch:  runFetch,
}

// childMain runs one job and returns the exit status.
func childMain(argument string) int {
	// A role allocates next to nothing once it runs; a collection would only
	// disturb what is measured.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	var j job
	var r report
	err := json.Unmarshal([]byte(argument), &j)
	if err == nil {
		r, err = roles[j.Role](j)
	}
	if err != nil {
		r.Error = fmt.Sprintf("%s: %v", j.Role, err)
	}
	if json.NewEncoder(os.Stdout).Encode(r) != nil || err != nil {
		return 1
	}
	return 0
}

// serveUntilDone hands events to an answering role until standard input closes, which
// is how the bench says that the other end is done.
func serveUntilDone(p *poller, ready func(fd int, events uint32) error) error {
	const input = 0
	if err := p.add(input, unix.EPOLLIN); err != nil {
		return err
	}
	for {
		events, err := p.wait(-1)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Fd == input {
				return nil
			}
			if err := ready(int(e.Fd), e.Events); err != nil {
				return err
			}
		}
	}
}

// acceptAll takes every connection that waits and hands it on.
func acceptAll(taken func(fd int) error) error {
	for {
		fd, err := accept(listenerFD)
		if fd == blocked || err != nil {
			return err
		}
		if err := taken(fd); err != nil {
			return err
		}
	}
}

// dialAll makes n connections, each complete before the next is begun.
func dialAll(target string, n int, made func(fd int) error) error {
	for range n {
		fd, err := dial(target)
		if err != nil {
			return err
		}
		if err := awaitWritable(fd); err != nil {
			return fmt.Errorf("connect %s: %w", target, err)
		}
		if err := made(fd); err != nil {
			return err
		}
	}
	return nil
}

// awaitWritable waits until a fresh socket is connected.
func awaitWritable(fd int) error { return await(fd, unix.POLLOUT) }

// awaitReadable waits until something has arrived.
func awaitReadable(fd int) error { return await(fd, unix.POLLIN) }

func await(fd int, what int16) error {
	fds := []unix.PollFd{{Fd: int32(fd), Events: what}}
	deadline := time.Now().Add(patience)
	for {
		n, err := unix.Poll(fds, int(time.Until(deadline).Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return fmt.Errorf("nothing happened in %v", patience)
		}
		return nil
	}
}

// checkQuiet says whether a connection that has had all its answers really has no
// more to read.
func checkQuiet(fd int) error {
	var b [1]byte
	n, err := receive(fd, b[:])
	if err != nil {
		return err
	}
	if n != blocked {
		return fmt.Errorf("%d bytes after the last answer", n)
	}
	return nil
}
