package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed testdata/sendfile.c
var loopSource []byte

// loop is the bare loop of sendfile: a command that takes the arguments of sendfile.c.
type loop struct {
	command []string
	what    string // in words
}

// goLoop as the first argument makes this program the loop.
const goLoop = "loop-of-sendfile"

// buildLoop compiles it into dir, or falls back to Go.
func buildLoop(dir string) (loop, error) {
	self, err := os.Executable()
	if err != nil {
		return loop{}, err
	}
	inGo := loop{command: []string{self, goLoop}, what: "a bare loop of sendfile in Go (there is no C compiler here)"}
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		if compiler, err = exec.LookPath("cc"); err != nil {
			return inGo, nil
		}
	}
	source, program := filepath.Join(dir, "sendfile.c"), filepath.Join(dir, "sendfile")
	if err := os.WriteFile(source, loopSource, 0o600); err != nil {
		return loop{}, err
	}
	if out, err := exec.Command(compiler, "-O2", "-Wall", "-o", program, source).CombinedOutput(); err != nil {
		return loop{}, fmt.Errorf("compile sendfile.c: %w\n%s", err, out)
	}
	return loop{command: []string{program}, what: "a bare loop of sendfile in C (" + filepath.Base(compiler) + " -O2)"}, nil
}

// run measures the loop once.
func (l loop) run(sink string, bytes int64, chunk int, dir string) (reading, error) {
	host, port, err := net.SplitHostPort(sink)
	if err != nil {
		return reading{}, err
	}
	args := append(l.command[1:len(l.command):len(l.command)], host, port,
		strconv.FormatInt(bytes, 10), strconv.Itoa(chunk), dir)
	out, err := exec.Command(l.command[0], args...).Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, e.Stderr)
		}
		return reading{}, fmt.Errorf("the loop of sendfile: %w", err)
	}
	var wall, cpu int64
	if _, err := fmt.Sscan(string(out), &wall, &cpu); err != nil {
		return reading{}, fmt.Errorf("the loop of sendfile said %q", out)
	}
	gb := float64(bytes) / 1e9
	return reading{wall: float64(wall) / 1e6, cpu: float64(cpu) / 1e6 / gb}, nil
}

// runGoLoop is sendfile.c in Go.
func runGoLoop(args []string) error {
	if len(args) != 5 {
		return errors.New("usage: HOST PORT BYTES CHUNK DIRECTORY")
	}
	bytes, err1 := strconv.ParseInt(args[2], 10, 64)
	chunk, err2 := strconv.Atoi(args[3])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	file, err := patternFile(args[4], bytes)
	if err != nil {
		return err
	}
	to := net.JoinHostPort(args[0], args[1])
	if _, _, err := sendFile(to, file, min(bytes, 1<<20), chunk); err != nil {
		return err
	}
	wall, cpu, err := sendFile(to, file, bytes, chunk)
	fmt.Println(wall.Nanoseconds(), cpu.Nanoseconds())
	return err
}

// sendFile sends the beginning of a file by sendfile, blocking.
func sendFile(to string, file, bytes int64, chunk int) (wall, cpu time.Duration, err error) {
	c, err := net.Dial("tcp", to)
	if err != nil {
		return 0, 0, err
	}
	f, err := c.(*net.TCPConn).File() // a blocking duplicate
	c.Close()
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	hello := append(make([]byte, 0, 32), "relaybn1"...)
	for _, v := range []int64{0, 0, bytes} {
		hello = binary.BigEndian.AppendUint64(hello, uint64(v))
	}
	if _, err := f.Write(hello); err != nil {
		return 0, 0, err
	}
	fd := int(f.Fd())
	wall, cpu = clock(unix.CLOCK_MONOTONIC), clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	for at := int64(0); at < bytes; {
		n, err := unix.Sendfile(fd, int(file), &at, int(min(bytes-at, int64(chunk))))
		if err != nil && err != unix.EINTR || err == nil && n == 0 {
			return 0, 0, fmt.Errorf("sendfile after %d bytes: %w", at, err)
		}
	}
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return 0, 0, err
	}
	verdict := make([]byte, 24)
	if _, err := io.ReadFull(f, verdict); err != nil {
		return 0, 0, fmt.Errorf("the sink's verdict: %w", err)
	}
	wall, cpu = clock(unix.CLOCK_MONOTONIC)-wall, clock(unix.CLOCK_PROCESS_CPUTIME_ID)-cpu
	if got, wrong := binary.BigEndian.Uint64(verdict[8:]), int64(binary.BigEndian.Uint64(verdict[16:])); got != uint64(bytes) || wrong != -1 {
		return 0, 0, fmt.Errorf("the sink got %d of %d bytes, the first wrong one at %d", got, bytes, wrong)
	}
	return wall, cpu, nil
}

func clock(id int32) time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts) // cannot fail: both are always there
	return time.Duration(ts.Nano())
}

// patternFile is an unnamed file of what the sink expects.
func patternFile(dir string, bytes int64) (int64, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("a file in %s: %w", dir, err)
	}
	block := make([]byte, 1<<20)
	for at := int64(0); at < bytes; at += int64(len(block)) {
		for i := 0; i < len(block); i += 8 {
			binary.LittleEndian.PutUint64(block[i:], word(uint64(at+int64(i))/8))
		}
		if _, err := unix.Write(fd, block[:min(int64(len(block)), bytes-at)]); err != nil {
			return 0, err
		}
	}
	return int64(fd), unix.Fdatasync(fd)
}

// word is the pattern at offset 8·i (splitmix64).
func word(i uint64) uint64 {
	i += 0x9e3779b97f4a7c15
	i = (i ^ i>>30) * 0xbf58476d1ce4e5b9
	i = (i ^ i>>27) * 0x94d049bb133111eb
	return i ^ i>>31
}
