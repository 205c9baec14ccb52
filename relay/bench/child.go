package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Role is what a process that a bench has started is for.
type Role string

// The roles; a child finds the file at FileFD.
const (
	RoleSink   Role = "sink"
	RoleFeeder Role = "feeder"
	RoleWorker Role = "worker"
)

// FileFD is where a child finds the file to send.
const FileFD = 3

// Serve plays a role in a child, with dir the place for received files.
func Serve(r Role, dir string) error {
	file := os.NewFile(FileFD, "the file to send")
	switch r {
	case RoleSink:
		return Sink(loopback, os.Stdin, os.Stdout)
	case RoleFeeder:
		return Feed(file, os.Stdin, os.Stdout)
	case RoleWorker:
		return Work(file, dir, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("no role %q", r)
}

// child is a process in one of the roles. It ends when its standard input does, so it
// cannot outlive the parent.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a child: command is this program with the arguments that make it one.
func spawn(command []string, file *os.File) (*child, error) {
	c := &child{cmd: exec.Command(command[0], command[1:]...)}
	c.cmd.Stderr = os.Stderr
	c.cmd.ExtraFiles = []*os.File{file}                  // becomes FileFD
	c.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // ^C is the parent's to hear
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// address is the first line of a serving child.
func (c *child) address() (netip.AddrPort, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%v did not start: %w", c.cmd.Args, err)
	}
	return netip.ParseAddrPort(strings.TrimSpace(line))
}

// do gives a worker a job and waits for its answer.
func (c *child) do(j job) (Usage, error) {
	if err := json.NewEncoder(c.in).Encode(j); err != nil {
		return Usage{}, fmt.Errorf("the worker is gone: %w", err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return Usage{}, fmt.Errorf("the worker is gone: %w", err)
	}
	var o outcome
	if err := json.Unmarshal(line, &o); err != nil {
		return Usage{}, fmt.Errorf("the worker's answer: %w", err)
	}
	if o.Error != "" {
		return Usage{}, errors.New(o.Error)
	}
	return o.Usage, nil
}

func (c *child) close() {
	c.in.Close()
	_ = c.cmd.Wait() // what went wrong has been said by now
}
