package probe

import (
	"os"

	"golang.org/x/sys/unix"
)

// leastPipe is the smallest pipe worth splicing through (pipepool.Least).
const leastPipe = 64 << 10

// pipes checks what the kernel gives for pipe_size and pipe_budget.
func (m *Machine) pipes(n Needs) []*verdict {
	page := int64(os.Getpagesize())
	largest := m.number("fs.pipe-max-size", 1<<20)
	free := m.capable(unix.CAP_SYS_RESOURCE)
	soft, hard := m.number("fs.pipe-user-pages-soft", 0)*page, m.number("fs.pipe-user-pages-hard", 0)*page
	granted := m.grant(n.PipeSize)
	all := []*verdict{
		check("pipe size", "few large pipes move bulk at half the cost of small ones; a refused size is halved until it is granted",
			"%s of %s granted; fs.pipe-max-size %s%s", sizeText(int64(granted)), sizeText(int64(n.PipeSize)), sizeText(largest), exempt(free)).
			when(granted < n.PipeSize && int64(n.PipeSize) > largest, Warning, "sysctl -w fs.pipe-max-size=%d, or pipe_size = \"%s\"", n.PipeSize, config(largest)).
			when(granted < n.PipeSize, Warning, "the user's pipes are used up: see the next lines").
			when(granted < leastPipe, Warning, "no pipe of 64 KiB can be had: relay copies; see the next lines"),
	}
	if n.PipeSize < n.SpliceChunk {
		all = append(all, check("chunk", "a call moves no more than a pipe holds", "splice_chunk %s, pipe_size %s", sizeText(int64(n.SpliceChunk)), sizeText(int64(n.PipeSize))).
			when(true, Note, "pipe_size = \"%s\", or a smaller splice_chunk", config(int64(n.SpliceChunk))))
	}
	return append(all,
		allowance("pipes of a user, soft", "fs.pipe-user-pages-soft", soft, n.PipeBudget, free),
		allowance("pipes of a user, hard", "fs.pipe-user-pages-hard", hard, n.PipeBudget, free))
}

// allowance checks one of the two limits on what all pipes of a user hold.
func allowance(name, setting string, limit, budget int64, free bool) *verdict {
	shown := "no limit"
	if limit > 0 {
		shown = sizeText(limit)
	}
	page := int64(os.Getpagesize())
	return check(name, "beyond it pipes get two pages or none, and flows copy", "%s, pipe_budget %s%s", shown, sizeText(budget), exempt(free)).
		when(limit > 0 && limit < budget && !free, Warning, "sysctl -w %s=%d, or AmbientCapabilities=CAP_SYS_RESOURCE, or pipe_budget = \"%s\"",
			setting, budget/page, config(limit))
}

func exempt(free bool) string {
	if free {
		return " (does not bind us: CAP_SYS_RESOURCE)"
	}
	return ""
}

// config is a size as relay.toml spells it.
func config(n int64) string {
	s := sizeText(n)
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != ' ' {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// grantedPipe asks for a pipe and says what it holds, the way pipepool does.
func grantedPipe(size int) int {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return 0
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	for want := size; want >= os.Getpagesize(); want /= 2 {
		if n, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, want); err == nil {
			return n
		}
	}
	n, _ := unix.FcntlInt(uintptr(fds[1]), unix.F_GETPIPE_SZ, 0)
	return max(n, 0)
}
