package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// network checks every interface that is up, and connection tracking.
func (m *Machine) network(n Needs) []*verdict {
	var all []*verdict
	entries, _ := os.ReadDir(filepath.Join(m.Root, "sys/class/net")) // none: nothing to say
	for _, e := range entries {
		if m.isUp(e.Name()) {
			all = append(all, m.card(e.Name()))
		}
	}
	return append(all, m.conntrack())
}

// isUp asks the flags: loopback's operational state is always unknown.
func (m *Machine) isUp(name string) bool {
	flags, err := strconv.ParseInt(m.text("sys/class/net/"+name+"/flags"), 0, 64)
	return err == nil && flags&1 != 0
}

// card is one interface. A socket is given the pages of a file, or a pipe's, one after
// the other; what the card cannot gather, cut or sum up the kernel must copy or walk.
func (m *Machine) card(name string) *verdict {
	f := m.feature(name)
	at := "sys/class/net/" + name + "/"
	mtu := m.text(at + "mtu")
	speed, _ := strconv.Atoi(m.text(at + "speed")) // -1 or an error where nobody knows
	words := []string{"MTU " + mtu}
	if speed > 0 {
		words = append(words, fmt.Sprintf("%g Gb/s", float64(speed)/1000))
	}
	var off []string
	for _, x := range f {
		if x.known && !x.on {
			off = append(off, x.name)
		}
	}
	if len(f) == 0 {
		return check(name, cardWhy, "%s; its features cannot be asked for", strings.Join(words, ", ")).when(true, Note, "ethtool -k %s", name)
	}
	if len(off) == 0 {
		words = append(words, "everything on")
	} else {
		words = append(words, strings.Join(off, ", ")+" off")
	}
	loopback := name == "lo"
	return check(name, cardWhy, "%s", strings.Join(words, ", ")).
		when(len(off) > 0, Note, "ethtool -K %s %s", name, switches(f)).
		when(slices.Contains(off, scatterGather) && !loopback, Warning, "ethtool -K %s sg on tx on: without it every page is copied once more", name)
}

const cardWhy = "scatter-gather sends pages from where they lie; TSO and GRO carry 64 KiB through the kernel at once"

// switches turns on what is off, in ethtool's words.
func switches(f features) string {
	var all []string
	for _, x := range f {
		if x.known && !x.on {
			all = append(all, x.flag+" on")
		}
	}
	return strings.Join(all, " ")
}

// conntrack is found where the kernel has its counters.
func (m *Machine) conntrack() *verdict {
	why := "every packet looks its connection up, and a full table drops new ones"
	if !m.exists("proc/sys/net/netfilter/nf_conntrack_max") {
		return check("conntrack", why, "not loaded")
	}
	now, most := m.number("net.netfilter.nf_conntrack_count", 0), m.number("net.netfilter.nf_conntrack_max", 1)
	v := check("conntrack", why, "%d of %d connections tracked", now, most)
	return v.when(now > 0, Note, "leave relay's ports out: nft add rule ip raw prerouting tcp dport PORT notrack (and output, sport)").
		when(now > most/5*4, Warning, "sysctl -w net.netfilter.nf_conntrack_max=%d", 4*most)
}
