package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enterPrivateNetwork moves the calling thread, and all that it starts, into a network
// namespace of its own with a loopback device: nobody else's traffic or ports, no
// TIME_WAIT left over from before, and none left behind. It needs root; without it
// the benchmark runs on the machine's own loopback, and says so.
func enterPrivateNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	// A round of short connections leaves more of them than the usual limit of
	// 131072; past it the kernel would treat later peers to a shorter way out.
	return os.WriteFile("/proc/sys/net/ipv4/tcp_max_tw_buckets", []byte("4000000"), 0)
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// descriptorsWanted is what the widest workload needs: 8000 idle sessions are 16000
// descriptors in a proxy.
const descriptorsWanted = 20000

// raiseDescriptorLimit gives this process and its children as many descriptors as are
// wanted, or as it may have. Setting the limit also keeps os/exec from restoring the
// one the process was started with.
func raiseDescriptorLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	want := unix.Rlimit{Cur: descriptorsWanted, Max: max(limit.Max, descriptorsWanted)}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &want) == nil {
		return nil
	}
	limit.Cur = limit.Max
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
}
