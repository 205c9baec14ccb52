package probe

import (
	"os"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// Pages says how the pages of a file travel from the page cache to a socket.
type Pages string

// By reference is what splice is for; copied pages cost what a read and a write do.
const (
	ByReference Pages = "by reference"
	Copied      Pages = "copied"
	Unknown     Pages = "unknown"
)

// Report is what was found.
type Report struct {
	Kernel        string // release
	SpliceSockets bool   // socket → pipe → socket
	SpliceFiles   bool   // file → pipe → socket
	SpliceToFile  bool   // socket → pipe → file
	Sendfile      bool   // file → socket
	FilePages     Pages
	Cachestat     bool // cachestat(2), Linux 6.5
	Openat2       bool // openat2(2), Linux 5.6
	ResolveCached bool // its RESOLVE_CACHED, Linux 5.12
	PipeMax       int  // bytes one pipe of an unprivileged user may have
	UserPipePages int  // pages all pipes of such a user may have before new ones shrink; 0 = no limit
	Privileged    bool // neither limit holds for this process
}

// Run tries everything. It takes about a millisecond.
func Run() Report {
	r := Report{
		Kernel:        release(),
		FilePages:     Unknown,
		PipeMax:       sysctl("fs/pipe-max-size"),
		UserPipePages: sysctl("fs/pipe-user-pages-soft"),
		Privileged:    capable(unix.CAP_SYS_RESOURCE),
	}
	r.Openat2, r.ResolveCached = openat2()
	path, err := newPath()
	if err != nil {
		return r
	}
	defer path.close()
	r.Cachestat = path.cachestat()
	r.SpliceSockets = path.sockets()
	r.SpliceFiles, r.FilePages = path.pages()
	r.Sendfile = path.sendfile()
	r.SpliceToFile = path.receive()
	return r
}

// Log writes the report as one line, and a warning for what will be slower than it
// could be.
func (r Report) Log(log zerolog.Logger) {
	log.Info().Str("release", r.Kernel).
		Bool("splice_sockets", r.SpliceSockets).Bool("splice_files", r.SpliceFiles).
		Bool("splice_to_file", r.SpliceToFile).Bool("sendfile", r.Sendfile).Str("file_pages", string(r.FilePages)).
		Bool("cachestat", r.Cachestat).Bool("resolve_cached", r.ResolveCached).
		Int("pipe_max_bytes", r.PipeMax).Int("user_pipe_pages", r.UserPipePages).Bool("privileged", r.Privileged).
		Msg("kernel")
	if !r.SpliceSockets || !r.SpliceFiles {
		log.Warn().Msg("this kernel or its sandbox does not splice: relay copies instead, which costs several times the CPU")
	} else if r.FilePages == Copied {
		log.Warn().Msg("this kernel copies the pages of a file when it splices them: transfer = \"sendfile\" or \"splice\" cost about what \"copy\" does")
	}
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// sysctl is a number of /proc/sys, 0 if it cannot be read.
func sysctl(name string) int {
	text, _ := os.ReadFile("/proc/sys/" + name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func capable(capability int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if unix.Capget(&header, &sets[0]) != nil {
		return false
	}
	return sets[capability/32].Effective&(1<<(capability%32)) != 0
}

// openat2 tells whether the call is there, and its way of asking the cache only.
func openat2() (there, cached bool) {
	const resolveCached = 0x20
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolveCached}
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &how)
	if err == nil {
		unix.Close(fd)
	}
	return err != unix.ENOSYS && err != unix.EPERM, err == nil || err == unix.EAGAIN
}
