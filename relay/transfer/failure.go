package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

// failure is why something did not work, and whether to try it again.
type failure struct {
	error
	final bool // trying again would be the same
}

func (f failure) Unwrap() error { return f.error }

// final makes an error one that is not worth another try.
func final(err error) error { return failure{err, true} }

// isFinal reports that an error will not go away by itself. What is not known to be
// final is the network's doing.
func isFinal(err error) bool {
	if f := (failure{}); errors.As(err, &f) {
		return f.final
	}
	return isLocal(err) || errors.Is(err, context.Canceled)
}

// isLocal reports that this machine's files are at fault, not the network.
func isLocal(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EFBIG, syscall.EIO, syscall.EACCES,
		syscall.EPERM, syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EMFILE,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// advice is what to do about an answer, where that is known.
var advice = map[int]string{
	http.StatusUnauthorized:          "give a token that the drop knows, with --token-file FILE or RELAY_TOKEN, or token_file in a forward",
	http.StatusForbidden:             "this token may not do that here, or the drop may not touch the file",
	http.StatusNotFound:              "there is no such name",
	http.StatusMethodNotAllowed:      "the drop takes no uploads: its configuration must allow them",
	http.StatusConflict:              "it is in the way of another, or another transfer of it is under way",
	http.StatusPreconditionFailed:    "it exists already, and the drop does not replace",
	http.StatusRequestEntityTooLarge: "it is larger than the drop allows (file_size_max)",
	http.StatusInsufficientStorage:   "the drop is full: its quota, or its disk",
	http.StatusBadRequest:            "the drop does not understand: is it a relay of this version, and the name one that it allows?",
}

// taken is the error of an answer that does not say that the server has taken what it got.
func taken(p Place, res *http.Response) error {
	return takenAs(p, res.StatusCode, func() string { return reasonIn(res) })
}

// takenAs is taken of an answer with this status; why reads what it says.
func takenAs(p Place, status int, why func() string) error {
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return nil
	}
	return refused(p, status, why())
}

// reasonMost bounds a reason, in bytes; what is longer is a page for people.
const reasonMost = 300

// reasonIn is what the body of an answer says.
func reasonIn(res *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(res.Body, reasonMost)) // what there is of it
	return string(text)
}

// badStatus is the error that an answer other than the wanted one is.
func badStatus(p Place, res *http.Response) error {
	return refused(p, res.StatusCode, reasonIn(res))
}

// refused is the same by what was said. A drop says in a line why; where it is not a drop that
// speaks, the meaning of its status must do.
func refused(p Place, status int, text string) error {
	err := fmt.Errorf("%s: the server says %d %s", p, status, http.StatusText(status))
	reason := strings.TrimSpace(text)
	if strings.HasPrefix(reason, strconv.Itoa(status)) { // "409 Conflict: there is a file of this name"
		_, reason, _ = strings.Cut(reason, ": ")
	}
	if reason != "" && len(text) < reasonMost && !strings.ContainsAny(reason, "<\n") {
		err = fmt.Errorf("%w: %s", err, reason)
		if status == http.StatusUnauthorized { // the drop knows what is wrong, not where a token comes from here
			err = fmt.Errorf("%w; %s", err, advice[status])
		}
	} else if text := advice[status]; text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	if status == http.StatusBadRequest && strings.Contains(reason, "digest") {
		return fmt.Errorf("%w (%w)", errSpoilt, err)
	}
	return failure{refusal{err, status, reason}, finalStatus(status)}
}

// refusal is an error that a server has answered with.
type refusal struct {
	error
	status int
	why    string // in the words of the drop; "" = it gave none
}

func (r refusal) Unwrap() error { return r.error }

// Answered reports that a server was there, and would not have this file now. Other
// errors of the network are the same for all files.
func Answered(err error) bool {
	var r refusal
	return errors.As(err, &r)
}

// Ours reports that this machine is at fault, with this file: it cannot be read, say, or
// what is to be noted of it not written. A network that is not there is another matter.
func Ours(err error) bool {
	var n *net.OpError
	return isLocal(err) && !errors.As(err, &n)
}

// Absent reports that nobody was there to take a file: it would be the same with all others.
func Absent(err error) bool {
	of := func(other error) bool { return errors.Is(err, other) }
	return err != nil && !Answered(err) && !Ours(err) && !Busy(err) && !Vanished(err) && !of(ErrOther) && !of(errChanged) && !of(errSpoilt)
}

// denied is what a server says to a token that is wrong, or has not the right; of the
// first it says the same to all files.
func denied(err error) (r refusal, ok, always bool) {
	ok = errors.As(err, &r) && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden)
	return r, ok, ok && r.status == http.StatusUnauthorized
}

// Denied reports that the server does not know the token, or that it has not the right.
func Denied(err error) bool {
	_, is, _ := denied(err)
	return is
}

// finalStatus reports that a server will say the same the next time. Room on a full disk
// may come back, but not while a command waits for it: forward tries again by itself.
func finalStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusInsufficientStorage, http.StatusNotImplemented:
		return true
	}
	return status < http.StatusInternalServerError
}
