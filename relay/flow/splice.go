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
		case errno != 0:
			return m.refused(f, src, errno)
		}
		return m.end(f, src)
	}
	if fresh {
		f.streaming = n >= len(m.buf)/2
	}
	if st := m.flush(f, dst); st != Moved {
		return st
	}
	if f.Remain == 0 {
		return m.end(f, src)
	}
	return Moved
}

// fill takes what the source has, at most the flow's chunk, into its empty pipe. A
// second call follows only a large first one: it is then worth a call to find more
// before the flush. The errno counts only when nothing came.
func (m *Mover) fill(f *Flow, src *End) (int, sock.Errno) {
	most := m.fillMost(f)
	for f.pipe.Bytes < most {
		n, errno := m.sys.splice(src.FD, f.pipe.W, most-f.pipe.Bytes)
		if n <= 0 {
			return f.pipe.Bytes, errno
		}
		f.pipe.Bytes += n
		f.took(n)
		if n < refillFrom {
			break
		}
	}
	return f.pipe.Bytes, 0
}

// refillFrom is the size of a fill, in bytes, from which another one is tried before
// flushing.
const refillFrom = 64 << 10

// fillMost bounds a fill. When pipes run low it takes no more than the last flush
// moved: a stopped reader would otherwise pin most of a pipe, and a few dozen of them
// an unprivileged user's whole allowance.
func (m *Mover) fillMost(f *Flow) int {
	most := int64(f.Chunk)
	if m.Pool.Low() {
		most = min(most, max(int64(f.flushed), int64(len(m.buf))))
	}
	return int(min(most, f.Remain))
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
