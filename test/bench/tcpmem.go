package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// tcpMemory watches the memory of all TCP sockets of the machine, which no namespace
// divides. Past a mark the kernel shrinks everybody's windows, and whatever would be
// measured then is the doing of whoever holds that memory.
type tcpMemory struct{ mark int64 } // pages: the first value of net.ipv4.tcp_mem (tcp(7))

// newTCPMemory must be called outside a private network, where the setting is hidden.
func newTCPMemory() (tcpMemory, error) {
	var m tcpMemory
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_mem")
	if err != nil {
		return m, err
	}
	_, err = fmt.Sscan(string(text), &m.mark)
	return m, err
}

// await waits, while nothing of the bench runs, until others hold less than the mark.
func (m tcpMemory) await(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		text, err := os.ReadFile("/proc/net/sockstat")
		if err != nil {
			return err
		}
		pages, err := parseTCPMemory(string(text))
		if err != nil || pages < m.mark {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("other programs' sockets hold %d pages of TCP memory; the kernel throttles everyone from %d on", pages, m.mark)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// parseTCPMemory takes the value after "mem" in the line "TCP:".
func parseTCPMemory(sockstat string) (pages int64, err error) {
	_, tcp, _ := strings.Cut(sockstat, "\nTCP:")
	_, value, found := strings.Cut(tcp, " mem ")
	if !found {
		return 0, fmt.Errorf("/proc/net/sockstat does not tell the memory of TCP")
	}
	_, err = fmt.Sscan(value, &pages)
	return pages, err
}
