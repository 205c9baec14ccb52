package drop

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/drop/token"
	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/sock"
)

// Drop is one [[drop]] under one configuration: a directory and its rules. The loops
// share it.
type Drop struct {
	// Arrived, if set before the first connection, is told of each file that has been
	// published, on a loop: it must wait for nothing.
	Arrived func(path string)
	// Begun, if set before the first connection, is told of each large file that has
	// begun to arrive, on a worker: it must wait for nothing.
	Begun            func(*Arriving)
	Service          *listen.Service
	dir              int    // O_PATH; every name is looked up beneath it
	remote           bool   // the file system may have to ask elsewhere: names are a worker's
	device           uint64 // the file system
	way              flow.Way
	transfer         string // the way's name
	chunk            int    // bytes; most one turn sends
	headerTimeout    int64
	idleTimeout      int64
	halfCloseTimeout int64
	bodyTimeout      int64
	limits           config.Uploads
	tokens           *token.Set  // nil = there are none
	everybody        token.Grant // what everybody may without tokens
	conflict         store.Conflict
	digest           digest.Algorithm // computed of every file that arrives
	durable          bool             // what is published survives a loss of power
	store            *store.Store
	directory        string
	upkeep           upkeep
	registry         *registry
	*underWay
	holders atomic.Int64 // connections, and whoever made it
	next    atomic.Pointer[Drop]
	gone    atomic.Bool // without a successor
}

// ways maps the values of `transfer`.
var ways = map[config.Transfer]flow.Way{
	config.TransferSplice:   flow.BySplice,
	config.TransferSendfile: flow.BySendfile,
	config.TransferMmap:     flow.ByMmap,
	config.TransferCopy:     flow.ByCopy,
}

// conflicts maps the values of `on_conflict`.
var conflicts = map[config.Conflict]store.Conflict{
	config.ConflictReplace:  store.Replace,
	config.ConflictFail:     store.Fail,
	config.ConflictKeepBoth: store.KeepBoth,
}

// digests maps the values of `digest`.
var digests = map[config.Digest]digest.Algorithm{
	config.DigestNone:   digest.None,
	config.DigestXXH3:   digest.XXH3,
	config.DigestSHA256: digest.SHA256,
}

// NewDrop opens the directory. The chunk is the drop's, else the engine's.
func NewDrop(s *listen.Service, c *config.Drop, engineChunk int) (*Drop, error) {
	dir, err := unix.Open(c.Directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, directoryUnusable(c.Directory, err)
	}
	d := &Drop{
		Service: s, dir: dir, underWay: &underWay{},
		way: ways[c.Transfer], transfer: c.Transfer.String(), chunk: engineChunk,
		headerTimeout:    int64(c.HeaderTimeout),
		idleTimeout:      int64(c.IdleTimeout),
		halfCloseTimeout: int64(c.HalfCloseTimeout),
		bodyTimeout:      int64(c.BodyTimeout),
		limits:           c.Uploads,
		directory:        c.Directory,
		conflict:         conflicts[c.OnConflict],
		digest:           digests[c.Digest],
		durable:          c.Durability == config.DurabilityFsync,
	}
	if c.SpliceChunk > 0 {
		d.chunk = c.SpliceChunk
	}
	if err = d.examine(); err == nil {
		err = d.setRights(c)
	}
	if err != nil {
		sock.Close(dir)
		return nil, err
	}
	d.store = store.New(dir, d.durable)
	d.holders.Store(1)
	d.registry = registries.Of(dir)
	return d, nil
}

// examine makes sure that the directory can be read, and finds out what it lies on.
func (d *Drop) examine() error {
	self, errno := sock.OpenBeneath(d.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY, false)
	if errno != 0 {
		return directoryUnusable(d.directory, errno)
	}
	defer sock.Close(self)
	info, errno := sock.Info(self, false)
	if errno != 0 {
		return directoryUnusable(d.directory, errno)
	}
	d.remote, d.device = sock.RemoteFileSystem(self), info.Device
	return nil
}

// setRights is who may come, and may do what.
func (d *Drop) setRights(c *config.Drop) (err error) {
	d.everybody = openRights(c.Write)
	if c.TokensFile != "" {
		if d.tokens, err = token.Load(c.TokensFile); err != nil {
			return tokensMissing(c.TokensFile, err)
		}
	}
	return d.checkReach(c)
}

// tokensMissing says what to do about a file of tokens that cannot be read.
func tokensMissing(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tokens_file: there is no %s; `relay token new --name NAME %s` makes it", file, file)
	}
	return fmt.Errorf("tokens_file: %w", err)
}

// directoryUnusable says what to do about a directory that cannot be opened.
func directoryUnusable(directory string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("directory: there is no %s; make it (mkdir), or name another", directory)
	}
	return fmt.Errorf("directory %s: %w", directory, err)
}

// checkReach refuses sockets that systemd brought and that other machines reach, when
// nobody said who may come. Addresses of the file were looked at when it was read.
func (d *Drop) checkReach(c *config.Drop) error {
	if c.Open || d.tokens != nil {
		return nil
	}
	if address := d.reachedAt(); address != "" {
		return fmt.Errorf("%s is reached from other machines, and there are no tokens; write tokens_file, or open = true", address)
	}
	return nil
}

// TokensInClear is an address to which tokens come over a network, where others may read
// them; "" if there is none.
func (d *Drop) TokensInClear() string {
	if d.tokens == nil {
		return ""
	}
	return d.reachedAt()
}

// reachedAt is an address of the drop that other machines reach, or "".
func (d *Drop) reachedAt() string {
	if d.Service == nil {
		return ""
	}
	for _, address := range d.Service.Addresses() {
		if a, err := netip.ParseAddrPort(address); err == nil && !a.Addr().IsLoopback() {
			return address
		}
	}
	return ""
}
