package drop

import (
	"errors"

	"golang.org/x/sys/unix"

	"relay/relay/drop/store"
	"relay/relay/sock"
)

// refusal is how an error of the store is answered.
type refusal struct {
	status int
	says   string
	why    Reason // "" = as usual
}

// errTaken says that a directory cannot be made because the name is taken.
var errTaken = errors.New("taken")

// errLength says that an upload ended where it was not to.
var errLength = errors.New("length")

// errDigest says that a file was damaged on its way.
var errDigest = errors.New("digest")

// errOther says that another file came under the id of one that was published.
var errOther = errors.New("another file under the same id")

// errTree says that a directory is to be copied.
var errTree = errors.New("a directory")

// errChanged says that a file was changed while it was copied.
var errChanged = errors.New("changed")

// errBundle says that what came as a bundle of files is none.
var errBundle = errors.New("the body is no bundle of files")

// errQuota and errReserve say that what was set aside for the drop, or for others, is used up.
var (
	errQuota   = errors.New("the drop's quota is used up")
	errReserve = errors.New("the rest of the disk is kept free (free_reserve)")
)

// errLeft says that nobody waits for a file to be copied any more.
var errLeft = errors.New("left")

var refusals = []struct {
	err error
	refusal
}{
	{store.ErrName, refusal{statusBadRequest, "no file can have this name", ""}},
	{errLength, refusal{statusBadRequest, "the file does not have the length that was said", ""}},
	{errDigest, refusal{statusBadRequest, "what arrived does not have the digest that was sent with it", DigestMismatch}},
	{errOther, refusal{statusConflict, "another file came under the same X-Relay-Transfer; each needs an id of its own", ""}},
	{errTree, refusal{statusForbidden, "files are copied one by one; this is a directory", ""}},
	{errChanged, refusal{statusConflict, "the file changed while it was copied; try again", FileChanged}},
	{errLeft, refusal{statusBadRequest, "the connection was closed while the file was copied", ClientClosed}},
	{errTaken, refusal{statusMethod, "there is something of this name already", ""}},
	{store.ErrNotFound, refusal{statusNotFound, "", ""}},
	{store.ErrNotEmpty, refusal{statusConflict, "the directory is not empty", ""}},
	{store.ErrParent, refusal{statusConflict, "a part of the path is a file, not a directory", ""}},
	{store.ErrDirectory, refusal{statusConflict, "there is a directory of this name; end the URL with '/' to put the file into it", ""}},
	{store.ErrExists, refusal{statusConflict, "there is a file of this name", ""}},
	{store.ErrPrecondition, refusal{statusPrecondition, "the file is not in the state that was asked for", ""}},
	{store.ErrAway, refusal{statusForbidden, "the path leads out of the directory", ""}},
	{errQuota, refusal{statusNoSpace, "there is no room for the file: " + errQuota.Error(), NoSpace}},
	{errReserve, refusal{statusNoSpace, "there is no room for the file: " + errReserve.Error(), NoSpace}},
	{unix.ENOSPC, refusal{statusNoSpace, "there is no room for the file", NoSpace}},
	{unix.EDQUOT, refusal{statusNoSpace, "there is no room for the file", NoSpace}},
	{errQuestion, refusal{statusBadRequest, errQuestion.Error(), BadRequest}},
	{errBundle, refusal{statusBadRequest, errBundle.Error(), BadRequest}},
	{unix.EMSGSIZE, refusal{statusTooLarge, "the body is too long", BadRequest}}, // see tooLong
	{unix.EFBIG, refusal{statusTooLarge, "the file is too large", ""}},
	{unix.EACCES, refusal{statusForbidden, "the directory cannot be written to", ""}},
	{unix.EPERM, refusal{statusForbidden, "the directory cannot be written to", ""}},
	{unix.EROFS, refusal{statusForbidden, "the directory cannot be written to", ""}},
	{unix.EAGAIN, refusal{statusUnavailable, "another process is at this upload; try again later", ""}},
	{unix.EMFILE, refusal{statusUnavailable, "try again later", NoResources}},
	{unix.ENFILE, refusal{statusUnavailable, "try again later", NoResources}},
	{unix.ENOMEM, refusal{statusUnavailable, "try again later", NoResources}},
	{unix.ENOBUFS, refusal{statusUnavailable, "try again later", NoResources}},
}

// refusalOf finds the answer to an error; what is not foreseen is the disk's fault.
func refusalOf(err error) (refusal, bool) {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.refusal, true
		}
	}
	return refusal{statusError, "the file could not be stored", FileError}, false
}

// uploadFailed answers an upload that came to nothing.
func (c *Conn) uploadFailed(err error) {
	if c.state == storing {
		c.setState(receiving)
	}
	r := c.refusal(c.request.path, err)
	switch {
	case err == unix.EMSGSIZE && c.up != nil && c.up.message != nil:
		r.says = c.up.message.tooLong()
	case errors.Is(err, errBundle):
		r.says = err.Error()
	}
	c.request.why = r.why
	c.failBecause(r.status, r.says)
}

// refusal is the answer to an error, which the log is told if the machine is at fault.
func (c *Conn) refusal(path string, err error) refusal {
	r, foreseen := refusalOf(err)
	_, ok := err.(sock.Errno)
	if ok && (!foreseen || r.status >= statusError || r.status == statusForbidden) || err == errQuota || err == errReserve {
		c.in.log.Warn().Str("drop", c.drop.Service.Config.Name).Str("path", path).
			Str("error", err.Error()).Msg("a file could not be stored")
	}
	return r
}
