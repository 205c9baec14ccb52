package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// EpollControl is epoll_ctl(2).
func EpollControl(epoll, op, fd int, ev *unix.EpollEvent) Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(ev)), 0, 0)
	return errno
}

// EpollPoll is epoll_wait(2) that does not wait.
func EpollPoll(epoll int, events []unix.EpollEvent) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(epoll),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// Yield lets whoever else waits for this CPU run first, by sched_yield(2). It always
// succeeds.
func Yield() { unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
