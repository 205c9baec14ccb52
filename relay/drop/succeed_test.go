package drop

import (
	"testing"

	"golang.org/x/sys/unix"

	"relay/relay/listen"
	"relay/relay/sock"
)

// opened is a descriptor of a directory; whoever is given it closes it.
func opened(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open(t.TempDir(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// chain is drops that have succeeded each other, of which all but the last are closed by those
// who made them, and a connection that has been quiet since the first.
func chain(t *testing.T, n int) (all []*Drop, c *Conn) {
	t.Helper()
	for i := range n {
		d := &Drop{dir: opened(t), Service: &listen.Service{}}
		d.holders.Store(1)
		all = append(all, d)
		if i > 0 {
			all[i-1].SucceededBy(d)
		}
	}
	c = &Conn{in: &Conns{tallies: map[string]*Tally{}}, drop: all[0]}
	c.drop.hold()
	for _, d := range all[:n-1] {
		d.release()
	}
	return all, c
}

// What has got the number of a directory that was closed stays open.
func TestRenewAfterManyReloads(t *testing.T) {
	all, c := chain(t, 4)
	other := opened(t)
	if other != all[1].dir { // nobody else has taken the number: that is what it is about
		if err := unix.Dup3(other, all[1].dir, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		sock.Close(other)
	}
	defer sock.Close(all[1].dir)
	c.renew()
	if c.drop != all[3] || all[3].holders.Load() != 2 {
		t.Errorf("it went over to another drop, or holds it %d times", all[3].holders.Load()-1)
	}
	if _, err := unix.FcntlInt(uintptr(all[1].dir), unix.F_GETFD, 0); err != nil {
		t.Errorf("another's descriptor: %v", err)
	}
	if all[0].holders.Load() != 0 {
		t.Error("the first is still held")
	}
	c.renew()
	c.drop.release()
	all[3].release()
	if all[3].tryHold() {
		t.Error("a closed drop can be held")
	}
}

// Where the last of them is closed as well, the connection ends after its request.
func TestRenewWhenTheDropIsGone(t *testing.T) {
	all, c := chain(t, 3)
	all[2].release()
	c.renew()
	if c.drop != all[0] || !c.parting() {
		t.Errorf("parting: %v", c.parting())
	}
	c.drop.release()
}
