package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

const (
	patternBytes = 1 << 20
	// memfdBytes is more than a core's second-level cache, so that a proxy which
	// copies reads its source from where real payload would be.
	memfdBytes = 16 * patternBytes
	// checkedBytes of every stream are read and compared before the rest is
	// discarded unread.
	checkedBytes = patternBytes
)

// pattern is what every payload in the benchmark consists of, over and over. It is
// random, so that a byte lost or moved is seen, and the same in every process.
var pattern = makePattern()

func makePattern() []byte {
	b := make([]byte, patternBytes)
	random := rand.New(rand.NewPCG(2, 71828))
	for i := 0; i < len(b); i += 8 {
		word := random.Uint64()
		for j := range 8 {
			b[i+j] = byte(word >> (8 * j))
		}
	}
	return b
}

// checkPattern says whether b is what a payload holds at offset.
func checkPattern(b []byte, offset int64) error {
	for len(b) > 0 {
		want := pattern[offset%patternBytes:]
		n := min(len(b), len(want))
		if !bytes.Equal(b[:n], want[:n]) {
			return fmt.Errorf("payload differs between byte %d and byte %d", offset, offset+int64(n))
		}
		b, offset = b[n:], offset+int64(n)
	}
	return nil
}

// memfdPayload is the sender's source: pages that sendfile passes on by reference.
func memfdPayload() (int, error) {
	fd, err := unix.MemfdCreate("payload", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("memfd_create", err)
	}
	for at := int64(0); at < memfdBytes; {
		n, err := unix.Pwrite(fd, pattern[at%patternBytes:], at)
		if err != nil {
			return 0, os.NewSyscallError("pwrite", err)
		}
		at += int64(n)
	}
	return fd, nil
}

// writePayload makes the file that the file workload serves. It is synced, so that
// no write-back runs under a measurement, and read once, so that it is cached.
func writePayload(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for at := int64(0); at < size; at += patternBytes {
		if _, err := f.Write(pattern[:min(patternBytes, size-at)]); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return preread(path)
}

// preread brings the whole file into the page cache, where it stays unless memory
// runs short.
func preread(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, patternBytes))
	return err
}
