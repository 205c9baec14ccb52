package flow

import (
	"golang.org/x/sys/unix"
)

// unsplice is for a sink that takes no splice (EINVAL, ENOSYS): what is in the pipe
// comes out by read, all of it, and the flow copies from then on.
func (m *Mover) unsplice(f *Flow, dst *End) Status {
	f.unfit = true
	all := make([]byte, 0, f.pipe.Bytes)
	for len(all) < cap(all) {
		n, err := unix.Read(f.pipe.R, all[len(all):cap(all)])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break // the pipe holds fewer bytes than were put in: cannot happen
		}
		all = all[:len(all)+n]
	}
	f.pipe.Bytes -= len(all)
	m.release(f)
	if f.kept != nil {
		all = append(all, f.kept.buf[f.kept.from:]...)
		m.putKept(f)
	}
	f.kept = m.getKept(all)
	return m.sendKept(f, dst)
}
