package flow

import (
	"golang.org/x/sys/unix"

	"relay/relay/loop"
	"relay/relay/sock"
)

// File is the source of a flow that sends a file. The session owns the descriptor, but
// while a step is out with a disk worker, nothing of the flow may be closed or moved.
type File struct {
	FD     int
	Offset int64 // of the next byte to be taken
	Way    Way
	Away   bool       // its file system may take a while even for what is in memory
	Err    sock.Errno // why the file failed; 0 when it ended before it should have
	ask    gate
	corked bool    // the socket holds back segments that are not full
	out    bool    // a worker has a step
	back   bool    // and this is what it did
	did    outcome // not accounted for yet
}

// Out reports that a disk worker owns the file, the pipe and the socket.
func (f *File) Out() bool { return f.out }

// Waiter is told, on the loop's thread, that a worker is done with the flow. It then
// calls Send again, or closes what it was waiting to close.
type Waiter interface {
	Returned()
}

// Sender is the half of a Mover that sends files: what the file flows of one loop
// share. It is not safe for concurrent use.
type Sender struct {
	mover *Mover
	disk  *Disk
	loop  *loop.Loop
	buf   []byte // of the way by copying; made when first needed
	calls fileCalls
}

// NewSender makes the sender of one loop.
func NewSender(m *Mover, d *Disk, l *loop.Loop) *Sender {
	return &Sender{mover: m, disk: d, loop: l, calls: fileKernel}
}

// smallFile is the size, in bytes, up to which a whole file is copied and sent in one
// call with the head before it: that is cheaper than passing its pages by reference.
const smallFile = 16 << 10

// Begin sends what comes before a file. If the whole of it is small and in memory it
// goes along, into the room that head has left. What a blocked socket does not take is
// kept, in order; Send does the rest. more says that another answer follows at once.
func (s *Sender) Begin(f *Flow, src *File, dst *End, head []byte, more bool) Status {
	if n := int(f.Remain); n > 0 && f.Remain <= smallFile && n <= cap(head)-len(head) {
		body := head[len(head) : len(head)+n]
		if got, errno := s.calls.readNow(src.FD, body, src.Offset); errno == 0 && got == n {
			f.took(n)
			src.Offset += int64(n)
			return s.mover.Say(f, dst, head[:len(head)+n], more)
		}
	}
	return s.mover.Say(f, dst, head, more || f.Remain > 0)
}

// Say sends bytes that are in user space: the head of an answer, or a short answer
// whole. more says that further bytes follow at once. What a blocked socket does not
// take is kept, and goes before everything else.
func (m *Mover) Say(f *Flow, dst *End, p []byte, more bool) Status {
	n, errno := m.sys.send(dst.FD, p, more)
	if errno != 0 && errno != unix.EAGAIN {
		dst.fail(errno)
		m.Discard(f)
		return SinkFailed
	}
	f.Moved += uint64(n)
	m.Copied += uint64(n)
	if n < len(p) {
		m.keep(f, p[n:])
		return Blocked
	}
	return Moved
}

// Send runs one turn: what is held goes first, then a few steps of at most the flow's
// chunk each. Moved says that there is more to come and that the socket may take it;
// Pending that a worker does a step because a disk must be asked, and that w will hear
// of it.
func (s *Sender) Send(f *Flow, src *File, dst *End, w Waiter) Status {
	if src.out {
		return Pending
	}
	if f.Remain > int64(f.Chunk) {
		src.cork(dst)
	}
	st := Moved
	switch {
	case src.back:
		src.back = false
		st = s.settle(f, src, dst, src.did)
	case f.Holds():
		st = s.mover.flush(f, dst)
	}
	for n := 0; st == Moved && n < turnChunks; n++ {
		st = s.next(f, src, dst, w)
	}
	return st
}

// cork has the socket send full segments only while a file goes that takes several steps:
// otherwise each step ends with a part of one, which costs both sides as much as a full
// one. It is two calls for each such file, and took 12 to 20 % off the CPU per GB.
func (f *File) cork(dst *End) {
	if !f.corked && dst.Kind == TCP {
		sock.SetInt(dst.FD, unix.IPPROTO_TCP, unix.TCP_CORK, 1) // a socket that cannot does without
		f.corked = true
	}
}

// uncork sends what was held back.
func (f *File) uncork(dst *End) {
	if f.corked {
		sock.SetInt(dst.FD, unix.IPPROTO_TCP, unix.TCP_CORK, 0)
		f.corked = false
	}
}

// next does a step here if the disk need not be asked, else has it done.
func (s *Sender) next(f *Flow, src *File, dst *End, w Waiter) Status {
	if f.Remain == 0 {
		return s.ended(f, src, dst)
	}
	a := s.stride(f, src, dst)
	if s.present(src, a.most) {
		return s.settle(f, src, dst, s.calls.step(a, s.buf))
	}
	s.fetch(a, src, w)
	return Pending
}

// settle accounts for a step, whoever did it, and flushes what it put into a pipe.
func (s *Sender) settle(f *Flow, src *File, dst *End, did outcome) Status {
	if did.n == 0 {
		return s.nothing(f, src, dst, did)
	}
	src.Offset += int64(did.n)
	f.took(did.n)
	if f.pipe != nil {
		f.pipe.Bytes += did.n
		if st := s.mover.flush(f, dst); st != Moved {
			s.giveUpPipe(f, src, st)
			return st
		}
	} else {
		f.Moved += uint64(did.n)
		s.count(src.Way, did.n)
	}
	if did.short {
		return Blocked
	}
	if f.Remain == 0 {
		return s.ended(f, src, dst)
	}
	return Moved
}

// nothing sorts a step that moved no byte.
func (s *Sender) nothing(f *Flow, src *File, dst *End, did outcome) Status {
	s.mover.release(f)
	switch {
	case did.errno == unix.EAGAIN:
		return Blocked
	case did.errno != 0 && !did.ofFile:
		dst.fail(did.errno)
		s.mover.Discard(f)
		return SinkFailed
	case did.unfit(src.Way):
		src.Way = ByCopy
		return Moved // the next step does it
	}
	return s.failed(f, src, did.errno)
}

func (s *Sender) failed(f *Flow, src *File, errno sock.Errno) Status {
	src.Err = errno
	s.mover.Discard(f)
	return SourceFailed
}

// ended is reached when every byte is with the socket. A file that has become shorter
// meanwhile may have been sent with zeros for what is gone: that must not look whole.
func (s *Sender) ended(f *Flow, src *File, dst *End) Status {
	f.ended = true
	if size, errno := s.calls.size(src.FD); errno == 0 && size < src.Offset {
		return s.failed(f, src, 0)
	}
	src.uncork(dst)
	return Ended
}

// giveUpPipe takes bytes back that a blocked reader left in a pipe, when pipes run low:
// a file can be read again, so nobody who stops reading needs to hold one.
func (s *Sender) giveUpPipe(f *Flow, src *File, st Status) {
	if st != Blocked || f.pipe == nil || !s.mover.Pool.Low() {
		return
	}
	src.Offset -= int64(f.pipe.Bytes)
	f.Remain += int64(f.pipe.Bytes)
	s.mover.release(f)
}

func (s *Sender) count(w Way, n int) {
	if w == ByMmap || w == ByCopy {
		s.mover.Copied += uint64(n)
	} else {
		s.mover.Spliced += uint64(n)
	}
}

// fetch has a worker do the step. It owns pipe, file and socket until it is back. The
// disk is told what will be wanted next while the socket is busy with this.
func (s *Sender) fetch(a stride, src *File, w Waiter) {
	src.out, a.wait = true, true
	calls := s.calls
	var did outcome
	s.disk.Do(s.loop, func() {
		if !a.last {
			calls.readAhead(a.file, a.offset+int64(a.most), int64(a.most))
		}
		buf := scratch.Get().(*[copyBuffer]byte)
		did = calls.step(a, buf[:])
		scratch.Put(buf)
	}, func() {
		src.out, src.back, src.did = false, true, did
		w.Returned()
	})
}
