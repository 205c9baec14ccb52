package bench

import (
	"fmt"
	"slices"
	"strings"

	"relay/relay/flow"
)

// Path is where bytes come from and where they go.
type Path string

// The paths.
const (
	FileToSocket   Path = "file → socket"
	SocketToSocket Path = "socket → socket"
	SocketToFile   Path = "socket → file"
)

// Method is one way over a path. Its name on the command line is Key.
type Method struct {
	Key   string
	Path  Path
	Label string
	// Buffer is the fixed buffer of a baseline, in bytes; 0: the case's chunk counts.
	Buffer int
	Bare   bool // a loop of its own, not the product's
	way    flow.Way
	mode   flow.Mode
}

// Methods are all, by path; within a path the baselines come first.
var Methods = slices.Concat(
	baselines("send", FileToSocket),
	[]Method{
		{Key: "send/copy", Path: FileToSocket, Label: "copy", way: flow.ByCopy},
		{Key: "send/mmap", Path: FileToSocket, Label: "mmap", way: flow.ByMmap},
		{Key: "send/sendfile", Path: FileToSocket, Label: "sendfile", way: flow.BySendfile},
		{Key: "send/splice", Path: FileToSocket, Label: "splice", way: flow.BySplice},
	},
	baselines("relay", SocketToSocket),
	[]Method{
		{Key: "relay/copy", Path: SocketToSocket, Label: "copy", mode: flow.Never},
		{Key: "relay/splice", Path: SocketToSocket, Label: "splice", mode: flow.Always},
	},
	baselines("receive", SocketToFile),
	[]Method{
		{Key: "receive/copy", Path: SocketToFile, Label: "copy", mode: flow.Never},
		{Key: "receive/splice", Path: SocketToFile, Label: "splice", mode: flow.Always},
	},
)

// baselines are blocking loops of read and write, as a program without relay's engine
// would have them.
func baselines(prefix string, path Path) []Method {
	return []Method{
		{Key: prefix + "/read+write-64KiB", Path: path, Label: "read+write 64 KiB", Buffer: 64 << 10, Bare: true},
		{Key: prefix + "/read+write-1MiB", Path: path, Label: "read+write 1 MiB", Buffer: 1 << 20, Bare: true},
	}
}

// Baseline is the key of what the other methods of a path are held against.
func Baseline(path Path) string {
	for _, m := range Methods {
		if m.Path == path && m.Bare {
			return m.Key
		}
	}
	return ""
}

// MethodOf finds a method by its key.
func MethodOf(key string) (Method, bool) {
	i := slices.IndexFunc(Methods, func(m Method) bool { return m.Key == key })
	if i < 0 {
		return Method{}, false
	}
	return Methods[i], true
}

// Select finds the methods that names ask for: a key, or a path's prefix ("send") for
// all of it. Without names it is every method.
func Select(names []string) ([]Method, error) {
	if len(names) == 0 {
		return Methods, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(Methods, func(m Method) bool { return m.named(name) }) {
			return nil, fmt.Errorf("no method %q; there are send, relay, receive, and %s", name, strings.Join(keys(), ", "))
		}
	}
	var chosen []Method
	for _, m := range Methods {
		if slices.ContainsFunc(names, m.named) {
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

func (m Method) named(name string) bool {
	prefix, _, _ := strings.Cut(m.Key, "/")
	return name == m.Key || name == prefix
}

func keys() (all []string) {
	for _, m := range Methods {
		all = append(all, m.Key)
	}
	return all
}
