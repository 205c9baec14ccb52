package handover

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is how this process was started, found out while the binary is still the one
// that runs.
type Program struct {
	Path string
	Args []string // without the name
}

// ThisProgram finds it. It is called early: once the file is replaced, the kernel knows
// its path only as "/usr/bin/relay (deleted)". A path by which the shell or the service
// manager found the binary is kept as it is, with its symbolic links: they may point to a
// newer one by the time of an upgrade.
func ThisProgram() Program {
	p := Program{Args: os.Args[1:]}
	running, err := os.Executable()
	if err == nil {
		p.Path = strings.TrimSuffix(running, " (deleted)")
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return p
	}
	if called, err = filepath.Abs(called); err == nil && sameFile(called, running) {
		p.Path = called
	}
	return p
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
