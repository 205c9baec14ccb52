package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// bare is the baseline: a blocking loop of read and write, on a thread for each stream,
// as a plain program would have it.
type bare struct {
	job    job
	path   Path
	place  place
	calls  atomic.Int64
	buffer int
}

// bareStream is one stream of it.
type bareStream struct {
	from, length int64
	source, dest int
	file         *os.File // what is received, else nil
	buf          []byte
}

func measureBare(j job, m Method, p place) (Usage, error) {
	b := &bare{job: j, path: m.Path, place: p, buffer: m.Buffer}
	if _, err := b.pass(min(j.Bytes, warmBytes*int64(j.Streams))); err != nil {
		return Usage{}, err
	}
	return b.pass(j.Bytes)
}

// pass sends this many bytes over all streams.
func (b *bare) pass(bytes int64) (Usage, error) {
	streams := make([]*bareStream, b.job.Streams)
	for i := range streams {
		from, length := share(bytes, i, len(streams))
		s, err := b.open(from, length)
		defer s.close()
		if err != nil {
			return Usage{}, err
		}
		streams[i] = s
	}
	errs := make([]error, len(streams))
	begin := make(chan struct{})
	var done sync.WaitGroup
	for i, s := range streams {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			<-begin
			errs[i] = b.send(s)
		})
	}
	calls := b.calls.Load()
	before := readUsage()
	close(begin)
	done.Wait()
	used := readUsage().since(before)
	used.Calls = b.calls.Load() - calls
	for i, s := range streams {
		if errs[i] == nil && s.file != nil {
			errs[i] = checkFile(s.file, s.from, s.length, b.job.Verify)
		}
	}
	return used, errors.Join(errs...)
}

// open connects a stream and touches its buffer, as one that is in use has been.
func (b *bare) open(from, length int64) (s *bareStream, err error) {
	s = &bareStream{from: from, length: length, source: -1, dest: -1, buf: make([]byte, b.buffer)}
	fill(s.buf, 0)
	if b.path == SocketToFile {
		if s.file, err = unnamed(b.place.dir); err != nil {
			return s, err
		}
		s.dest = int(s.file.Fd())
	} else if s.dest, err = blocking(greet(b.job.Sink, hello{Verify: b.job.Verify, From: from, Length: length})); err != nil {
		return s, err
	}
	if b.path == FileToSocket {
		s.source = int(b.place.file.Fd())
		return s, nil
	}
	s.source, err = blocking(dial(b.job.Feeder))
	return s, err
}

func blocking(fd int, err error) (int, error) {
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	return fd, err
}

// send is the loop: a buffer in, a buffer out.
func (b *bare) send(s *bareStream) error {
	var calls int64
	defer func() { b.calls.Add(calls) }()
	if b.path != FileToSocket {
		calls++
		if err := askFor(s.source, s.from, s.length); err != nil {
			return err
		}
	}
	at, end := s.from, s.from+s.length
	for b.path != FileToSocket || at < end {
		var n int
		var err error
		calls++
		if b.path == FileToSocket {
			n, err = unix.Pread(s.source, s.buf[:min(int64(len(s.buf)), end-at)], at)
		} else {
			n, err = unix.Read(s.source, s.buf)
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if n == 0 {
			break
		}
		at += int64(n)
		for out := s.buf[:n]; len(out) > 0; {
			calls++
			m, err := unix.Write(s.dest, out)
			if err != nil && err != unix.EINTR {
				return fmt.Errorf("write: %w", err)
			}
			out = out[max(m, 0):]
		}
	}
	if s.file != nil {
		return nil // its length is looked at afterwards
	}
	calls += 2
	return s.hear()
}

// hear ends the stream and waits for the sink's verdict.
func (s *bareStream) hear() error {
	sock.Shutdown(s.dest, unix.SHUT_WR)
	b := make([]byte, verdictBytes)
	for n := 0; n < len(b); {
		m, err := unix.Read(s.dest, b[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("the sink's verdict: %w", err)
		case m == 0:
			return fmt.Errorf("the sink's verdict: %w", io.ErrUnexpectedEOF)
		}
		n += m
	}
	v, err := parseVerdict(b)
	if err != nil {
		return err
	}
	return v.check(s.length)
}

func (s *bareStream) close() {
	if s.file != nil {
		s.file.Close()
	} else if s.dest >= 0 {
		sock.Close(s.dest)
	}
	if s.source >= 0 && (s.file != nil || isSocket(s.source)) {
		sock.Close(s.source)
	}
}

// isSocket tells a feeder's stream from the file that every stream shares.
func isSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}
