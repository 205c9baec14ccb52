package flow

import "golang.org/x/sys/unix"

// copy moves one buffer's worth through user space. A read shorter than the buffer is
// not followed by a second one: level-triggered epoll tells if more has come. One that
// fills it means more is there, and with upgrade set the rest of the turn is spliced.
func (m *Mover) copy(f *Flow, src, dst *End, upgrade bool) Status {
	buf := m.buf[:min(int64(len(m.buf)), f.Remain, m.budget)]
	n, errno := m.sys.recv(src.FD, buf)
	if errno != 0 {
		return m.refused(f, src, errno)
	}
	if n == 0 {
		return m.end(f, src)
	}
	f.took(n)
	m.budget -= int64(n)
	sent, errno := m.sys.send(dst.FD, buf[:n], false)
	if errno != 0 && errno != unix.EAGAIN {
		dst.fail(errno)
		m.Discard(f)
		return SinkFailed
	}
	f.Moved += uint64(sent)
	m.Copied += uint64(sent)
	if sent < n {
		m.keep(f, buf[sent:n])
		return Blocked
	}
	if f.Remain == 0 {
		return m.end(f, src)
	}
	if upgrade && n == len(m.buf) {
		f.streaming = true
		if m.budget > 0 {
			return m.stream(f, src, dst, false)
		}
	}
	return Moved
}

// kept is a pooled buffer for the bytes of a blocked flow that found no pipe.
type kept struct {
	buf  []byte
	from int
}

// keep stores what a blocked sink left over: in a pipe, so that no byte waits in user
// space, unless pipes are running low. Then a buffer of the size of the shared one is
// cheaper than a pipe that others need for their bulk.
func (m *Mover) keep(f *Flow, rest []byte) {
	if !m.Pool.Low() {
		f.pipe = m.Pool.Get()
	}
	if f.pipe != nil {
		n, _ := m.sys.write(f.pipe.W, rest) // an error counts as nothing written
		f.pipe.Bytes = n
		rest = rest[n:]
		if n == 0 {
			m.release(f)
		}
	}
	if len(rest) > 0 {
		f.kept = m.getKept(rest)
	}
}

func (m *Mover) getKept(rest []byte) *kept {
	var k *kept
	if n := len(m.spare); n > 0 {
		k, m.spare = m.spare[n-1], m.spare[:n-1]
	} else {
		k = &kept{buf: make([]byte, 0, len(m.buf))}
	}
	k.buf, k.from = append(k.buf[:0], rest...), 0
	return k
}

// sparesMax bounds the buffers a loop keeps for the next shortage of pipes.
const sparesMax = 64

func (m *Mover) putKept(f *Flow) {
	if len(m.spare) < sparesMax {
		m.spare = append(m.spare, f.kept)
	}
	f.kept = nil
}

// sendKept flushes the buffer of a flow that found no pipe.
func (m *Mover) sendKept(f *Flow, dst *End) Status {
	k := f.kept
	n, errno := m.sys.send(dst.FD, k.buf[k.from:], false)
	if errno == unix.EAGAIN {
		return Blocked
	}
	if errno != 0 {
		dst.fail(errno)
		m.Discard(f)
		return SinkFailed
	}
	k.from += n
	f.Moved += uint64(n)
	m.Copied += uint64(n)
	if k.from < len(k.buf) {
		return Blocked
	}
	m.putKept(f)
	return Moved
}
