package probe

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// feature is one of an interface, in ethtool's words.
type feature struct {
	name  string
	flag  string // of ethtool -K
	known bool
	on    bool
}

type features []feature

const scatterGather = "scatter-gather"

// asked are the features that matter here and the commands that ask for them
// (linux/ethtool.h). Anyone may ask.
var asked = []struct {
	name, flag string
	command    uint32
}{
	{scatterGather, "sg", 0x18},
	{"TSO", "tso", 0x1e},
	{"GSO", "gso", 0x23},
	{"GRO", "gro", 0x2b},
	{"send checksums", "tx", 0x16},
	{"receive checksums", "rx", 0x14},
}

// askFeatures asks the kernel what `ethtool -k` shows; nil if it cannot be asked.
func askFeatures(name string) features {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	all := make(features, 0, len(asked))
	for _, a := range asked {
		on, known := askFeature(fd, name, a.command)
		all = append(all, feature{name: a.name, flag: a.flag, known: known, on: on})
	}
	for _, f := range all {
		if f.known {
			return all
		}
	}
	return nil
}

// interfaceRequest is struct ifreq with ifr_data, and value struct ethtool_value.
type (
	interfaceRequest struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // the rest of the kernel's union
	}
	value struct{ command, data uint32 }
)

func askFeature(fd int, name string, command uint32) (on, known bool) {
	v := value{command: command}
	r := interfaceRequest{data: unsafe.Pointer(&v)}
	copy(r.name[:unix.IFNAMSIZ-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r)))
	return v.data != 0, errno == 0
}
