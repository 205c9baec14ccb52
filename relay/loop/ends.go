package loop

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"relay/relay/sock"
)

// Events are what can happen to an end: epoll's bits, and Resume.
type Events uint32

// In and Out can be asked for; Err and Hup come whether asked for or not; Resume is the
// loop's own answer to Again. Exclusive and Edge go with Register only.
const (
	In        Events = unix.EPOLLIN
	Out       Events = unix.EPOLLOUT
	Err       Events = unix.EPOLLERR
	Hup       Events = unix.EPOLLHUP
	Edge      Events = unix.EPOLLET
	Exclusive Events = unix.EPOLLEXCLUSIVE
	Resume    Events = 1 << 27 // not one of the kernel's
)

// Owner is told what happened to a descriptor it registered. tag is what it gave when
// registering, to tell its descriptors apart.
type Owner interface {
	Ready(tag uint8, ev Events)
}

// Token names a registered end: slot index and generation. The zero Token names none.
type Token uint64

const wakeToken Token = 0

func (t Token) slot() uint32       { return uint32(t) }
func (t Token) generation() uint32 { return uint32(t >> 32) }

// The kernel treats the eight bytes after the events as opaque; x/sys calls them Fd
// and Pad.
func setToken(ev *unix.EpollEvent, t Token) { *(*Token)(unsafe.Pointer(&ev.Fd)) = t }
func token(ev *unix.EpollEvent) Token       { return *(*Token)(unsafe.Pointer(&ev.Fd)) }

// slot is one end's place in the table.
type slot struct {
	owner      Owner
	fd         int32
	generation uint32
	armed      Events // what epoll was last told
	tag        uint8
	inEpoll    bool
}

// Slots live in pages that never move, so that growing copies nothing and leaves no
// garbage behind.
const pageSlots = 256

// table maps tokens to slots. A freed slot is reused only after the round in which it
// was freed.
type table struct {
	pages []*[pageSlots]slot
	used  uint32   // slots ever taken
	spare []uint32 // free now
	freed []uint32 // free after this round
}

func (t *table) take() (uint32, *slot) {
	if n := len(t.spare); n > 0 {
		i := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return i, t.slot(i)
	}
	if t.used%pageSlots == 0 {
		t.pages = append(t.pages, new([pageSlots]slot))
	}
	i := t.used
	t.used++
	s := t.slot(i)
	s.generation = 1 // so that no token is zero
	return i, s
}

func (t *table) slot(i uint32) *slot { return &t.pages[i/pageSlots][i%pageSlots] }

// at finds the slot a token names, or nil when its end was closed.
func (t *table) at(tok Token) *slot {
	i := tok.slot()
	if i >= t.used {
		return nil
	}
	if s := t.slot(i); s.generation == tok.generation() {
		return s
	}
	return nil
}

func (t *table) drop(tok Token, s *slot) {
	s.owner = nil
	if s.generation++; s.generation == 0 {
		s.generation = 1
	}
	t.freed = append(t.freed, tok.slot())
}

func (t *table) free() {
	t.spare = append(t.spare, t.freed...)
	t.freed = t.freed[:0]
}

// Register puts fd under the loop's watch for the events asked for, none included. The
// loop does not own fd; Close and Unregister end the registration.
func (l *Loop) Register(fd int, owner Owner, tag uint8, ask Events) (Token, sock.Errno) {
	i, s := l.ends.take()
	t := Token(s.generation)<<32 | Token(i)
	*s = slot{owner: owner, fd: int32(fd), generation: s.generation, tag: tag}
	if errno := l.control(unix.EPOLL_CTL_ADD, t, s, ask); errno != 0 {
		l.ends.drop(t, s)
		return 0, errno
	}
	return t, 0
}

// Ask changes what the owner wants to hear of, and tells epoll only what it does not
// know yet. An end that had been parked comes back when something is asked of it, which
// is the one case that can fail (ENOMEM, ENOSPC).
func (l *Loop) Ask(t Token, ask Events) sock.Errno {
	s := l.ends.at(t)
	if s == nil || s.armed == ask && (s.inEpoll || ask == 0) {
		return 0
	}
	op := unix.EPOLL_CTL_MOD
	if !s.inEpoll {
		op = unix.EPOLL_CTL_ADD
	}
	return l.control(op, t, s, ask)
}

// Park takes an end out of epoll until something is asked of it again: for an end that
// reports an error or a hang-up which nobody can act on yet, since those two cannot be
// turned off and would wake the loop without end.
func (l *Loop) Park(t Token) {
	if s := l.ends.at(t); s != nil && s.inEpoll {
		l.control(unix.EPOLL_CTL_DEL, t, s, 0)
	}
}

// Unregister ends a registration and leaves the descriptor open: it goes on elsewhere.
func (l *Loop) Unregister(t Token) {
	if s := l.ends.at(t); s != nil {
		if s.inEpoll {
			l.control(unix.EPOLL_CTL_DEL, t, s, 0)
		}
		l.ends.drop(t, s)
	}
}

// Forget ends the registration of a descriptor that is closed in the next line: that
// takes it out of epoll without a call, since nobody holds a duplicate of it. (Unregister
// before handing a descriptor to anyone.)
func (l *Loop) Forget(t Token) {
	if s := l.ends.at(t); s != nil {
		l.ends.drop(t, s)
	}
}

func (l *Loop) control(op int, t Token, s *slot, ask Events) sock.Errno {
	ev := unix.EpollEvent{Events: uint32(ask)}
	setToken(&ev, t)
	l.calls++
	errno := sock.EpollControl(l.epoll, op, int(s.fd), &ev)
	if errno == 0 {
		s.armed, s.inEpoll = ask, op != unix.EPOLL_CTL_DEL
	}
	return errno
}
