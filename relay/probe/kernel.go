package probe

import "fmt"

// kernel checks the release and every use of splice.
func (m *Machine) kernel(Needs) []*verdict {
	r := m.Report
	major, minor := version(r.Kernel)
	atLeast := func(a, b int) bool { return major > a || major == a && minor >= b }
	return []*verdict{
		check("release", "relay is tried from 5.6 on; from 6.5 it can ask the page cache what is in memory", "Linux %s", r.Kernel).
			when(!atLeast(5, 6), Problem, "run Linux 5.6 or later, better 6.5").
			when(!atLeast(6, 5), Note, "run Linux 6.5 or later"),
		check("splice, socket to socket", "what a session streams stays in the kernel", "%s", works(r.SpliceSockets)).
			when(!r.SpliceSockets, Warning, "%s", unsandbox),
		check("splice, file to socket", "a drop sends files without copying them", "%s", works(r.SpliceFiles)).
			when(!r.SpliceFiles, Warning, "%s", unsandbox),
		check("splice, socket to file", "a drop receives files without taking them to user space", "%s", works(r.SpliceToFile)).
			when(!r.SpliceToFile, Warning, "%s", unsandbox),
		check("sendfile", "stands in for splice when no pipe can be had", "%s", works(r.Sendfile)).
			when(!r.Sendfile, Warning, "%s", unsandbox),
		check("pages of a file", "sent by reference they cost no copy; copied ones cost what read and write do", "%s", r.FilePages).
			when(r.FilePages == Copied, Warning, "this kernel copies: nothing mends it but another kernel; transfer = \"copy\" is as good here").
			when(r.FilePages == Unknown, Note, "could not be tried: splicing files does not work here"),
		check("cachestat", "asks whether a file is in memory, so that the loop never waits for a disk", "%s", works(r.Cachestat)).
			when(!r.Cachestat, Note, "run Linux 6.5 or later; relay tries the first and last page instead"),
		check("openat2", "opens what is beneath a drop and nothing else; with RESOLVE_CACHED without a worker", "%s, cached %s", works(r.Openat2), works(r.ResolveCached)).
			when(!r.Openat2, Note, "a worker opens names step by step; for the other way run Linux 5.6 or later, without DynamicUser= and RestrictSUIDSGID= in the unit").
			when(!r.ResolveCached, Note, "run Linux 5.12 or later; relay asks a worker for each open instead"),
	}
}

const unsandbox = "let the sandbox pass splice and sendfile (SystemCallFilter=, seccomp profile); relay copies until then"

func works(is bool) string {
	if is {
		return "works"
	}
	return "does not work"
}

// version is the first two numbers of a kernel's release.
func version(release string) (major, minor int) {
	_, _ = fmt.Sscanf(release, "%d.%d", &major, &minor) // 0 for what is not there
	return major, minor
}
