package main

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never block (every socket is non-blocking), so they skip the
// scheduler: the generator shares its CPUs with what it measures and must be cheap.
// EAGAIN is a result here, not an error: it comes back as blocked.

// blocked is the count a call returns when it would have had to wait.
const blocked = -1

// ioFlags keep a broken connection from raising SIGPIPE.
const ioFlags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT

// outcome turns a raw result into a count, blocked, or an error.
func outcome(call string, n uintptr, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN, unix.EINTR:
		return blocked, nil
	}
	return 0, fmt.Errorf("%s: %w", call, errno)
}

// receive reads into b; 0 is the end of the stream.
func receive(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), ioFlags, 0, 0)
	return outcome("recv", n, errno)
}

// discard drops up to len(b) received bytes without copying them (tcp(7),
// MSG_TRUNC); b lends its address and length and is not written.
func discard(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), ioFlags|unix.MSG_TRUNC, 0, 0)
	return outcome("recv", n, errno)
}

// send writes b; flags may add MSG_MORE.
func send(fd int, b []byte, flags int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(flags|ioFlags), 0, 0)
	return outcome("send", n, errno)
}

// sendWhole is send for messages so small that an empty send queue always takes
// them whole; anything else is an error of the measurement.
func sendWhole(fd int, b []byte) error {
	n, err := send(fd, b, 0)
	if err != nil {
		return err
	}
	if n != len(b) {
		return fmt.Errorf("send: %d of %d bytes went out", n, len(b))
	}
	return nil
}

// sendfile moves bytes of file, by reference, into a socket. The file is a memfd:
// a regular file could block, and that must not be hidden from the scheduler.
func sendfile(fd, file int, offset int64, length int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(fd), uintptr(file),
		uintptr(unsafe.Pointer(&offset)), uintptr(length), 0, 0)
	return outcome("sendfile", n, errno)
}

// listen opens a listening socket on a free port of 127.0.0.1.
func listen() (fd int, addr string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", os.NewSyscallError("socket", err)
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = unix.Listen(fd, 4096)
	}
	if err != nil {
		unix.Close(fd)
		return 0, "", fmt.Errorf("listen on 127.0.0.1: %w", err)
	}
	local, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return 0, "", os.NewSyscallError("getsockname", err)
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", local.(*unix.SockaddrInet4).Port), nil
}

// freePort names an address nobody listens on at the moment.
func freePort() (string, error) {
	fd, addr, err := listen()
	if err != nil {
		return "", err
	}
	return addr, unix.Close(fd)
}

// dial starts to connect a non-blocking socket; on loopback it is connected before
// the call returns, unless the accept queue is full.
func dial(target string) (int, error) {
	addr, err := netip.ParseAddrPort(target)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())})
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return 0, fmt.Errorf("connect %s: %w", target, err)
	}
	return fd, nil
}

// accept takes one connection, or returns blocked when none is waiting.
func accept(listener int) (int, error) {
	fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil:
		return fd, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	case unix.EAGAIN, unix.EINTR, unix.ECONNABORTED:
		return blocked, nil
	}
	return 0, os.NewSyscallError("accept4", err)
}

// answers reports whether something accepts connections at target.
func answers(target string) bool {
	addr, err := netip.ParseAddrPort(target)
	if err != nil {
		return false
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}) == nil
}
