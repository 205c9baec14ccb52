// Command bench measures relay beside HAProxy, nginx and no proxy at all: the same work,
// in the same run, on the same machine. Run it from the top of the repository:
//
//	go run ./test/bench                 # everything; about ten minutes
//	go run ./test/bench -quick          # one short round, to see that it all works
//	go run ./test/bench -only bulk,rr-50 -peers relay,haproxy-splice -rounds 9
//	go run ./test/bench -relay new=bin/relay -relay old=/tmp/relay-old -peers new,old
//
// `make bench` runs it, and then command transfer beside it, which measures files that are
// sent to a drop.
//
// # What is measured
//
// The proxy, not the ends. The sender of bulk uses sendfile from a memfd and the receiver
// discards with MSG_TRUNC, so neither copies a byte; both are single-threaded epoll loops
// in processes of their own. CPU is the peer's run time as the scheduler counts it
// (/proc/PID/task/*/schedstat, workers included), because utime and stime are sampled and
// mislead. GB are 10⁹ bytes. Rates are what the receiving end has counted.
//
// The end that counts also reads the peer's CPU, at the same two moments (window.go).
// Warm-up before the window and the drain after it are not counted.
//
// # Why it is fair
//
// Every peer has one loop, thread or worker, copies through buffers of 16 KiB (which is
// everybody's default), splices through pipes of 1 MiB, and passes half-closes on, which
// nginx has to be told. HAProxy's and nginx's files
// say where that is not what they come with. The extra peers haproxy-copy64k and
// nginx-256k, measured when named with -peers, show what larger buffers would do.
//
// Each measurement starts the peer and both ends afresh, so nothing is left over from the
// one before; as root all of it happens in a private network namespace. Within a round
// all peers do one workload in turn before the next begins, and who begins rotates.
// Ratios are formed within a round and only then summed up as a median, with the lowest
// and the highest beside it. "The better of" several rivals is the one with the better
// median over all rounds.
//
// The machine's other work is measured too. If it took more than a tenth of the CPUs
// during any measurement, the report says so; -retries repeats those. While others hold
// so much TCP memory that the kernel throttles everyone, nothing is measured.
//
// # Why it can be believed
//
// The first MiB of every stream is compared with what was sent, small messages always
// are. Then the two ends' totals must agree to the byte. A stream that ends early, a byte
// too many, a response with another length, a stall, or a peer that dies makes the
// measurement fail: it is listed, counts nowhere, and the exit status is 1.
//
// # Workloads
//
//	bulk    1, 8, 64 streams from backend to client       upload  the other way
//	rr      100 bytes there and back, 1, 50, 500 connections, one message under way on each
//	http    responses of 4 KiB to 1 MiB over 16 kept-alive connections
//	short   connect, 100 bytes there and back, close; 32 at once. The backend closes first:
//	        TIME_WAIT then stays on accepting sides and uses up no ephemeral ports
//	idle    private anonymous memory, the slope from 2000 to 8000 sessions
//	file    a file in the page cache over HTTP: each transfer of relay, nginx with sendfile
//
// # Where to start reading
//
// main.go, plan.go (rounds), measure.go (one measurement), then window.go and a role:
// source.go and sink.go are the simplest pair. targets.go is what relay promises.
package main
