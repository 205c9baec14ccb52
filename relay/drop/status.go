package drop

import "net/http"

// The statuses a drop answers with.
const (
	statusOK           = http.StatusOK
	statusPart         = http.StatusPartialContent
	statusMoved        = http.StatusMovedPermanently
	statusNotModified  = http.StatusNotModified
	statusBadRequest   = http.StatusBadRequest
	statusForbidden    = http.StatusForbidden
	statusNotFound     = http.StatusNotFound
	statusMethod       = http.StatusMethodNotAllowed
	statusTimeout      = http.StatusRequestTimeout
	statusPrecondition = http.StatusPreconditionFailed
	statusURITooLong   = http.StatusRequestURITooLong
	statusRange        = http.StatusRequestedRangeNotSatisfiable
	statusHeadTooLarge = http.StatusRequestHeaderFieldsTooLarge
	statusError        = http.StatusInternalServerError
	statusUnavailable  = http.StatusServiceUnavailable
)

// lines are the status lines, and texts the short bodies of those that are errors.
var (
	lines = map[int]string{}
	texts = map[int]string{}
)

func init() {
	for _, s := range []int{
		statusOK, statusPart, statusMoved, statusNotModified, statusBadRequest, statusForbidden, statusNotFound,
		statusMethod, statusTimeout, statusPrecondition, statusURITooLong, statusRange, statusHeadTooLarge,
		statusError, statusUnavailable,
	} {
		lines[s] = "HTTP/1.1 " + itoa(int64(s)) + " " + http.StatusText(s) + "\r\n"
		texts[s] = itoa(int64(s)) + " " + http.StatusText(s) + "\n"
	}
}
