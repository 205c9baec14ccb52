package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The bits of a mode by which others than the owner can do something with a file.
const (
	groupReads, groupWrites = 0o040, 0o020
	othersRead, othersWrite = 0o004, 0o002
)

// secret checks that a file of tokens, or with one, can be used, and by nobody else.
func (m *Machine) secret(s Secret) *verdict {
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return check(s.Check, s.Why, "there is no %s", s.Path).when(true, Problem, "%s", s.Mend)
	}
	if err == nil {
		err = unix.Faccessat(unix.AT_FDCWD, s.Path, unix.R_OK, unix.AT_EACCESS)
	}
	if err != nil {
		return check(s.Check, s.Why, "%s cannot be read by %s: %v", s.Path, userName(m.user()), err).
			when(true, Problem, "have it belong to relay's user (chown), or to a group of its (chgrp, chmod 640), and its directories be open to it")
	}
	mode, owner := info.Mode().Perm(), ownerOf(info)
	v := check(s.Check, s.Why, "%s, of %s, mode %04o", s.Path, userName(owner), mode)
	if s.Err != nil {
		wrong := strings.ReplaceAll(s.Err.Error(), "\n", "; ")
		return check(s.Check, s.Why, "%s", wrong).when(true, Problem, "mend that in %s", s.Path)
	}
	return v.
		when(mode&othersWrite != 0, Warning, "everybody on this machine can write into it: chmod o-w %s", s.Path).
		when(s.Clear && mode&othersRead != 0, Warning, "everybody on this machine can read the token, and use it: chmod o-r %s", s.Path).
		when(mode&groupWrites != 0, Note, "its group can write into it: chmod g-w %s, unless that is meant", s.Path).
		when(owner != 0 && owner != m.user(), Note, "%s can change it: chown it to root or to relay's user, unless that is meant", userName(owner)).
		when(m.user() == 0 && owner == 0 && mode&(groupReads|othersRead) == 0, Note,
			"only root can read it: if relay runs as another user (User=, DynamicUser=), chown it to that or chgrp and chmod 640")
}

// program checks that a program can be run, and with it what its first line asks for.
func (m *Machine) program(p Program) *verdict {
	info, err := os.Stat(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return check(p.Check, p.Why, "there is no %s", p.Path).when(true, Problem, "install it, or name the one that is meant")
	case err != nil:
		return check(p.Check, p.Why, "%v", err).when(true, Problem, "have its directories be open to relay's user")
	case !info.Mode().IsRegular():
		return check(p.Check, p.Why, "%s is no file", p.Path).when(true, Problem, "name a program")
	}
	mode := info.Mode().Perm()
	v := check(p.Check, p.Why, "%s, of %s, mode %04o", p.Path, userName(ownerOf(info)), mode).
		when(mode&0o111 == 0, Problem, "it may not be run: chmod +x %s", p.Path)
	if err := unix.Faccessat(unix.AT_FDCWD, p.Path, unix.X_OK, unix.AT_EACCESS); err != nil {
		v.when(true, Problem, "%s may not run it: chmod +x, or its group; on a file system mounted noexec nobody may", userName(m.user()))
	}
	if by := interpreter(p.Path); by != "" {
		_, err := os.Stat(by)
		v.when(err != nil, Problem, "its first line asks for %s, which is not there: install that, or mend the line", by)
	}
	return v.when(mode&othersWrite != 0, Warning, "everybody on this machine can change what relay runs: chmod o-w %s", p.Path)
}

// interpreter is what the first line of a script says that it is for; "" if it is no script, or
// may not be read.
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const lineMost = 256 // of execve(2)
	line, _ := bufio.NewReader(io.LimitReader(f, lineMost)).ReadString('\n')
	rest, is := strings.CutPrefix(line, "#!")
	if words := strings.Fields(rest); is && len(words) > 0 {
		return words[0]
	}
	return ""
}

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return 0
}

// userName is a user for people.
func userName(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", id)
}
