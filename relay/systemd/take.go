package systemd

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Given is what the service manager gave this process.
type Given struct {
	Notifier Notifier
	Sockets  []Socket
}

// Socket is a descriptor that was passed: of a socket unit, or one that an earlier
// process of this service left with the manager. Whoever has it owns the descriptor.
type Socket struct {
	Name string // FileDescriptorName=, or FDNAME= of the one who left it
	FD   int
}

// Take reads what the environment says and removes it there. It is called once, before
// anything else opens descriptors or starts processes.
func Take() (Given, error) {
	watchdog, err := daemon.SdWatchdogEnabled(true)
	if err != nil {
		return Given{}, fmt.Errorf("systemd: WATCHDOG_USEC: %w", err)
	}
	g := Given{Notifier: Notifier{Address: os.Getenv("NOTIFY_SOCKET"), Watchdog: watchdog, Room: room()}}
	for _, name := range []string{"NOTIFY_SOCKET", "FDSTORE"} {
		os.Unsetenv(name)
	}
	for _, f := range activation.Files(true) {
		// A duplicate: the runtime has its own ideas about the descriptor of a File.
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		name := f.Name()
		f.Close()
		if err != nil {
			return g, fmt.Errorf("systemd: socket %q: %w", name, err)
		}
		g.Sockets = append(g.Sockets, Socket{Name: name, FD: fd})
	}
	return g, nil
}

// room is how many descriptors the manager keeps for us, FileDescriptorStoreMax=. Version
// 254 and later say it; for older ones the unit does, with Environment=FDSTORE=. It must
// be known: what is left with a manager that keeps nothing is lost.
func room() int {
	n, err := strconv.Atoi(os.Getenv("FDSTORE"))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// Beats is how often the watchdog is to be fed: several times in its interval, so that
// one that comes late does no harm. 0 = never.
func (n Notifier) Beats() time.Duration { return n.Watchdog / 4 }
