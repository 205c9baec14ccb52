package flow

import (
	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// stream runs a turn by splicing: fill a pipe from the source, flush it to the sink.
// fresh says that this wake has not read the source yet, so that an EAGAIN is
// unexpected: after urgent data (MSG_OOB) splice answers EAGAIN for ever while epoll
// reports the socket readable, and a recv gets past the mark.
func (m *Mover) stream(f *Flow, src, dst *End, fresh bool) Status {
	if f.unfit {
		return m.copy(f, src, dst, false)
	}
	f.pipe = m.Pool.Get()
	if f.pipe == nil {
		if fresh {
			return m.copy(f, src, dst, false)
		}
		return Moved
	}
	n, errno := m.fill(f, src)
	if n == 0 {
		m.release(f)
		switch {
		case errno == unix.EINVAL || errno == unix.ENOSYS:
			f.unfit = true
			return m.copy(f, src, dst, false)
		case errno == unix.EAGAIN && fresh:
			f.streaming = false
			return m.copy(f, src, dst, false)
		}
		return m.dry(f, src, errno)
	}
	if fresh {
		f.streaming = n >= len(m.buf)/2
	}
	st := m.flush(f, dst)
	most := turnChunks * min(f.Chunk, m.Pool.Size())
	for moved := n; st == Moved && n >= refillFrom && moved < most; moved += n {
		if n, errno = m.refill(f, src); n == 0 {
			return m.dry(f, src, errno)
		}
		st = m.flush(f, dst)
	}
	if st == Moved && f.Remain == 0 {
		return m.end(f, src)
	}
	return st
}

const (
	// refillFrom is the size of a fill, in bytes, after which another is worth the call
	// that may find nothing.
	refillFrom = 64 << 10
	// turnChunks bounds a turn, in chunks (or pipes, if those are smaller). A turn that
	// takes what has gathered while it flushed needs fewer wakes, and the socket's memory
	// is still in the cache: with 64 streams one chunk a turn cost up to twice the CPU of
	// four.
	turnChunks = 4
)

// refill takes a pipe again for one more fill in the same turn; 0 bytes leave the flow
// without one. No pipe is no error: the next turn goes on.
func (m *Mover) refill(f *Flow, src *End) (int, sock.Errno) {
	if f.Remain == 0 {
		return 0, 0
	}
	if m.budget == 0 {
		return 0, unix.EAGAIN
	}
	if f.pipe = m.Pool.Get(); f.pipe == nil {
		return 0, unix.EAGAIN
	}
	n, errno := m.fill(f, src)
	if n == 0 {
		m.release(f)
	}
	return n, errno
}

// dry sorts a fill that brought nothing.
func (m *Mover) dry(f *Flow, src *End, errno sock.Errno) Status {
	if errno != 0 {
		return m.refused(f, src, errno)
	}
	return m.end(f, src)
}

// fill takes what the source has, at most the flow's chunk, into its empty pipe.
func (m *Mover) fill(f *Flow, src *End) (int, sock.Errno) {
	n, errno := m.sys.splice(src.FD, f.pipe.W, m.fillMost(f))
	f.pipe.Bytes += n
	f.took(n)
	m.budget -= int64(n)
	return n, errno
}

// fillMost bounds a fill. When pipes run low it takes no more than twice what the last
// flush moved: a stopped reader would otherwise pin most of a pipe, and a few dozen of
// them an unprivileged user's whole allowance. (Twice, so that a flow which is read
// again gets back to large fills.)
func (m *Mover) fillMost(f *Flow) int {
	most := int64(f.Chunk)
	if m.Pool.Low() {
		most = min(most, max(2*int64(f.flushed), int64(len(m.buf))))
	}
	return int(min(most, f.Remain, m.budget))
}

// flush moves what the flow holds to the sink, pipe first. A short splice means that
// the sink is full: waiting for it saves the call that would say EAGAIN. The pipe goes
// back to the pool as soon as it is empty.
func (m *Mover) flush(f *Flow, dst *End) Status {
	if p := f.pipe; p != nil {
		n, errno := m.sys.splice(p.R, dst.FD, p.Bytes)
		if errno == unix.EINVAL || errno == unix.ENOSYS {
			return m.unsplice(f, dst)
		}
		if errno != 0 && errno != unix.EAGAIN {
			dst.fail(errno)
			m.Discard(f)
			return SinkFailed
		}
		p.Bytes -= n
		f.flushed = uint32(n)
		f.Moved += uint64(n)
		m.Spliced += uint64(n)
		if p.Bytes > 0 {
			return Blocked
		}
		m.release(f)
	}
	if f.kept != nil {
		return m.sendKept(f, dst)
	}
	return Moved
}
