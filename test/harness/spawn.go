package harness

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawns is served by one thread, which lives as long as the tests. The kernel sends
// Pdeathsig when the *thread* that started a child ends, and the runtime ends threads: a
// namespace's thread, for one, may have started something else before it was that.
var spawns = make(chan func())

var startSpawner = sync.OnceFunc(func() {
	go func() {
		runtime.LockOSThread()
		for spawn := range spawns {
			spawn()
		}
	}()
})

// Spawn starts a program that is killed if the tests are.
func Spawn(cmd *exec.Cmd) error {
	startSpawner()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	spawns <- func() { done <- cmd.Start() }
	return <-done
}
