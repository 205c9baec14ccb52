package systemd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Notifier tells the service manager how the service is (sd_notify(3)). It is plain
// data: whoever has it can tell, in any process that the manager listens to. The zero
// value tells nobody.
type Notifier struct {
	Address  string        // of the manager's socket, as NOTIFY_SOCKET says it; "" = there is none
	Watchdog time.Duration // without a sign of life for this long we are restarted; 0 = for ever
	Room     int           // how many descriptors the manager keeps
}

// sendTime bounds the wait for a manager that does not read.
const sendTime = 5 * time.Second

// On reports whether somebody listens.
func (n Notifier) On() bool { return n.Address != "" }

// Ready says that the service serves, at its start or after a reload.
func (n Notifier) Ready() error { return n.send(daemon.SdNotifyReady) }

// Reloading says that a reload begins; Ready ends it. The time lets the manager tell it
// from one that was under way before it asked (Type=notify-reload).
func (n Notifier) Reloading() error {
	return n.send(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
}

// Stopping says that the service ends, and that this may take so long: a manager that
// would wait for less waits.
func (n Notifier) Stopping(within time.Duration) error {
	return n.send(daemon.SdNotifyStopping + "\nEXTEND_TIMEOUT_USEC=" + strconv.FormatInt(within.Microseconds(), 10))
}

// Status is a line for people, in `systemctl status`.
func (n Notifier) Status(text string) error {
	return n.send("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}

// Alive feeds the watchdog.
func (n Notifier) Alive() error { return n.send(daemon.SdNotifyWatchdog) }

// Main says which process is the service's from now on. Only the one that is so far can
// say it.
func (n Notifier) Main(pid int) error { return n.send("MAINPID=" + strconv.Itoa(pid)) }

// Keep leaves a duplicate of a descriptor with the manager, which passes it to the next
// process of this service. A name has no ':' in it. One that it has already under the
// name, it does not take twice.
func (n Notifier) Keep(name string, fd int) error {
	return n.send("FDSTORE=1\nFDNAME="+name, fd)
}

// Forget has the manager close what it keeps under a name.
func (n Notifier) Forget(name string) error {
	return n.send("FDSTOREREMOVE=1\nFDNAME=" + name)
}

// send is sd_notify(3) with descriptors, for an address that need not be in the
// environment.
func (n Notifier) send(state string, fds ...int) error {
	if !n.On() {
		return nil
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := post(n.Address, []byte(state), rights); err != nil {
		return fmt.Errorf("tell the service manager at %s: %w", n.Address, err)
	}
	return nil
}

// post sends a datagram. (Package net sends no descriptors by a connected socket of
// datagrams, and binds one that is not.)
func post(to string, text, rights []byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	limit := unix.NsecToTimeval(int64(sendTime))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return err
	}
	for {
		err := unix.Sendmsg(fd, text, rights, &unix.SockaddrUnix{Name: to}, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}
