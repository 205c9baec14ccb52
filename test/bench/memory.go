package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// anonymousBytes is the private anonymous memory of a peer and its workers: heap,
// stacks and whatever else their sessions may live in. smaps_rollup walks the page tables and
// is exact, where RssAnon in /proc/PID/status may lag by dozens of pages.
func anonymousBytes(peer int) (int64, error) {
	pids, err := family(peer)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("the peer is gone: %w", err)
		}
		n, err := parseAnonymous(rollup)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func parseAnonymous(rollup []byte) (int64, error) {
	for line := range bytes.Lines(rollup) {
		if value, found := bytes.CutPrefix(line, []byte("Anonymous:")); found {
			kilobytes := string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB"))))
			n, err := strconv.ParseInt(kilobytes, 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("smaps_rollup has no line Anonymous")
}
