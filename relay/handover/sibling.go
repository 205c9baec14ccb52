package handover

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// A service manager waits for the processes that are its children. A main process that is
// another's child when it is told of it, it takes for a stranger for good (systemd 252
// says "which is not our child"): it does not wait for that one's drain when it stops the
// service, and kills it at once. So under a service manager the new process is made our
// sibling, the manager's child from the first moment.

// bear starts a process, as our child or as our sibling, and closes exited when it ends.
func bear(cmd *exec.Cmd, sibling bool, exited chan<- struct{}) error {
	if !sibling {
		if err := cmd.Start(); err != nil {
			return err
		}
		go func() { // ends with the process, which Kill ends if nothing else does
			cmd.Wait()
			close(exited)
		}()
		return nil
	}
	pidfd := -1
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_PARENT, PidFD: &pidfd}
	if err := cmd.Start(); err != nil {
		return err
	}
	if pidfd < 0 {
		cmd.Process.Kill()
		return errors.New("the kernel gives no descriptor of a process; Linux 5.4 or later does")
	}
	go func() { // the same; a sibling is waited for by its parent, but its end shows here
		for {
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1); err != unix.EINTR {
				break
			}
		}
		unix.Close(pidfd)
		close(exited)
	}()
	return nil
}

// fate says how the process ended, as far as we can know.
func (s *Successor) fate() string {
	if s.cmd.ProcessState == nil {
		return "its parent knows how"
	}
	return s.cmd.ProcessState.String()
}
