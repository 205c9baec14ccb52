package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program this one has started: a peer or a child. It leads a process
// group, so that a Ctrl-C on the terminal reaches only the bench, which then ends its
// processes in order, and so that a peer's workers can be ended with it.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
	ended  chan struct{}
	err    error // how it ended; valid once ended is closed
}

// start runs a command. It must be called from the main thread: PR_SET_PDEATHSIG is
// bound to the thread that forks (prctl(2)), and the main thread is in the right
// network and lives as long as the process.
func start(cmd *exec.Cmd, onParentDeath syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onParentDeath}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait blocks until the process has ended, or the limit has passed.
func (p *process) wait(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.err
	case <-timer.C:
		return fmt.Errorf("no end after %v", limit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the whole group and waits for it.
func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// complaint is what the process wrote to stderr, the middle left out if it is long: a
// trace begins with its reason, a log ends with it. Only valid once the process ended.
func (p *process) complaint() string {
	const most = 300
	text := strings.TrimSpace(p.stderr.String())
	if len(text) > 2*most {
		text = text[:most] + " … " + text[len(text)-most:]
	}
	return strings.ReplaceAll(text, "\n", " | ")
}

// family is a process and all its descendants; nobody for process 0.
func family(root int) ([]int, error) {
	if root == 0 {
		return nil, nil
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, file := range stats {
		if text, err := os.ReadFile(file); err == nil {
			pid, parent := parseStat(string(text))
			children[parent] = append(children[parent], pid)
		}
	}
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids, nil
}

// parseStat takes the process and its parent from /proc/PID/stat. The name, in
// parentheses, may hold anything, so the fields are counted from its end.
func parseStat(text string) (pid, parent int) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return 0, 0
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 2 {
		return 0, 0
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(text[:open]))
	parent, _ = strconv.Atoi(fields[1])
	return pid, parent
}
