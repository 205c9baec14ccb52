package probe

import "net/netip"

// Named is what a configuration names of this machine beside directories, as plain values.
type Named struct {
	Secrets   []Secret
	Programs  []Program
	Addresses []Address
}

// Secret is a file that says who may come, or with what this relay comes to another.
type Secret struct {
	Check string // whose it is
	Path  string
	Why   string // it matters
	Mend  string // what to do if it is missing
	Err   error  // what is wrong with what is in it, for who could read it
	Clear bool   // who reads it can use it
}

// Program is one that relay runs.
type Program struct{ Check, Path, Why string }

// Address is one that relay listens on: a TCP address, or the path of a unix socket, which in
// the abstract namespace begins with '@'.
type Address struct {
	Check string
	TCP   netip.AddrPort
	Unix  string
}

// ExamineNamed looks whether this user can use what a configuration names. The server does not
// do it at start: there it finds out.
func (m *Machine) ExamineNamed(n Named) Findings {
	var all Findings
	add := func(group string, v *verdict) {
		v.Group = group
		all = append(all, v.Finding)
	}
	for _, s := range n.Secrets {
		add("files", m.secret(s))
	}
	for _, p := range n.Programs {
		add("files", m.program(p))
	}
	for _, a := range n.Addresses {
		add("addresses", m.address(a))
	}
	return all
}
