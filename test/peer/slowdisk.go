package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// SlowDisk is a file system (FUSE) with one regular file in it, which answers when the
// test wants it to: a disk that takes as long as it likes. Mounting needs root.
//
// What the kernel has read once stays in the page cache, as with any file.
type SlowDisk struct {
	Name string // of the file
	Data []byte

	device  int
	dir     string
	mu      sync.Mutex
	changed sync.Cond
	held    map[uint32]bool // opcodes that get no answer
	waiting map[uint32]int  // requests that wait for one
	over    bool
	ended   chan struct{}
}

// The requests that a test may hold back.
const (
	SlowLookup  = 1
	SlowGetattr = 3
	SlowOpen    = 14
	SlowRead    = 15
	SlowFlush   = 25
)

const (
	fuseForget      = 2
	fuseStatfs      = 17
	fuseRelease     = 18
	fuseInit        = 26
	fuseOpendir     = 27
	fuseReleasedir  = 29
	fuseInterrupt   = 36
	fuseDestroy     = 38
	fuseBatchForget = 42

	fuseHeader = 40 // bytes of a request's header
	fuseRoot   = 1
	fuseFile   = 2
)

// MountSlowDisk mounts one on a directory. Close unmounts it.
func MountSlowDisk(dir, name string, data []byte) (*SlowDisk, error) {
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other", device, os.Getuid(), os.Getgid())
	if err := unix.Mount("slowdisk", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(device)
		return nil, fmt.Errorf("mount: %w", err)
	}
	s := &SlowDisk{
		Name: name, Data: data, device: device, dir: dir,
		held: map[uint32]bool{}, waiting: map[uint32]int{}, ended: make(chan struct{}),
	}
	s.changed.L = &s.mu
	go s.serve()
	return s, nil
}

// Close answers everything and unmounts.
func (s *SlowDisk) Close() error {
	s.mu.Lock()
	s.over = true
	s.changed.Broadcast()
	s.mu.Unlock()
	err := unix.Unmount(s.dir, unix.MNT_FORCE|unix.MNT_DETACH)
	if err == nil {
		<-s.ended // the descriptor's number must not go to somebody else while it is read
	}
	return errors.Join(err, unix.Close(s.device))
}

// Hold has requests of this kind wait; Release answers them.
func (s *SlowDisk) Hold(op uint32) { s.set(op, true) }

// Release answers the requests of this kind that wait, and further ones.
func (s *SlowDisk) Release(op uint32) { s.set(op, false) }

func (s *SlowDisk) set(op uint32, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[op] = held
	s.changed.Broadcast()
}

// Waiting is how many requests of this kind wait for an answer.
func (s *SlowDisk) Waiting(op uint32) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting[op]
}

func (s *SlowDisk) serve() {
	defer close(s.ended)
	buf := make([]byte, 256<<10)
	for {
		n, err := unix.Read(s.device, buf)
		if err == unix.EINTR || err == unix.EAGAIN || err == unix.ENOENT {
			continue
		}
		if err != nil {
			return // unmounted
		}
		request := append([]byte(nil), buf[:n]...)
		go s.answer(request)
	}
}

func (s *SlowDisk) answer(request []byte) {
	op := binary.LittleEndian.Uint32(request[4:])
	s.mu.Lock()
	for s.waiting[op]++; s.held[op] && !s.over; {
		s.changed.Wait()
	}
	s.waiting[op]--
	s.mu.Unlock()
	body, errno := s.reply(op, binary.LittleEndian.Uint64(request[16:]), request[fuseHeader:])
	if op == fuseForget || op == fuseBatchForget || op == fuseInterrupt {
		return
	}
	out := make([]byte, 16, 16+len(body))
	binary.LittleEndian.PutUint32(out, uint32(16+len(body)))
	binary.LittleEndian.PutUint32(out[4:], uint32(-int32(errno)))
	copy(out[8:16], request[8:16])
	_, _ = unix.Write(s.device, append(out, body...)) // the request may have been given up
}

// reply is what the kernel's fuse.h asks for, and no more.
func (s *SlowDisk) reply(op uint32, node uint64, in []byte) ([]byte, unix.Errno) {
	le := binary.LittleEndian
	switch op {
	case fuseInit:
		out := make([]byte, 64)
		le.PutUint32(out, 7)
		le.PutUint32(out[4:], 31)
		le.PutUint32(out[20:], 64<<10) // max_write; the buffer of serve must hold it
		return out, 0
	case SlowLookup:
		if node != fuseRoot || string(in[:len(in)-1]) != s.Name {
			return nil, unix.ENOENT
		}
		out := make([]byte, 40)
		le.PutUint64(out, fuseFile)
		le.PutUint64(out[16:], 3600) // the name is good for an hour
		le.PutUint64(out[24:], 3600) // and so is what is told about it
		return append(out, s.attributes(fuseFile)...), 0
	case SlowGetattr:
		out := make([]byte, 16)
		le.PutUint64(out, 3600)
		return append(out, s.attributes(node)...), 0
	case SlowOpen, fuseOpendir:
		return make([]byte, 16), 0
	case SlowRead:
		from := min(le.Uint64(in[8:]), uint64(len(s.Data)))
		to := min(from+uint64(le.Uint32(in[16:])), uint64(len(s.Data)))
		return s.Data[from:to], 0
	case fuseStatfs:
		return make([]byte, 80), 0
	case SlowFlush, fuseRelease, fuseReleasedir, fuseDestroy:
		return nil, 0
	}
	return nil, unix.ENOSYS
}

func (s *SlowDisk) attributes(node uint64) []byte {
	le := binary.LittleEndian
	out := make([]byte, 88)
	le.PutUint64(out, node)
	mode := uint32(unix.S_IFDIR | 0o755)
	if node == fuseFile {
		mode = unix.S_IFREG | 0o644
		le.PutUint64(out[8:], uint64(len(s.Data)))
	}
	le.PutUint64(out[32:], 1_700_000_000) // changed
	le.PutUint32(out[60:], mode)
	le.PutUint32(out[64:], 1) // links
	le.PutUint32(out[80:], 4096)
	return out
}
