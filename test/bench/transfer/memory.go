package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// spare is free memory, in bytes, that warm leaves to everybody else.
const spare = 512 << 20

// warm uses all free memory once, and gives it back. Below a hypervisor that takes free
// memory away (free page reporting), whoever uses a page first waits until it is there
// again: that takes many times as long as copying a file into it, and whom it hits would
// depend on what ran before. Where there is a limit on memory, nothing is done.
func warm() error {
	if limit, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil && strings.TrimSpace(string(limit)) != "max" {
		return nil
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return fmt.Errorf("sysinfo: %w", err)
	}
	n := int(info.Freeram)*int(info.Unit) - spare
	if n <= 0 {
		return nil
	}
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("touching %d bytes of memory: %w", n, err)
	}
	return unix.Munmap(m)
}
