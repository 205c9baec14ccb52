package drop

import "net/http"

// The statuses a drop answers with.
const (
	statusOK           = http.StatusOK
	statusCreated      = http.StatusCreated
	statusNoContent    = http.StatusNoContent
	statusMulti        = http.StatusMultiStatus
	statusPart         = http.StatusPartialContent
	statusMoved        = http.StatusMovedPermanently
	statusNotModified  = http.StatusNotModified
	statusBadRequest   = http.StatusBadRequest
	statusUnauthorized = http.StatusUnauthorized
	statusForbidden    = http.StatusForbidden
	statusNotFound     = http.StatusNotFound
	statusMethod       = http.StatusMethodNotAllowed
	statusTimeout      = http.StatusRequestTimeout
	statusConflict     = http.StatusConflict
	statusLength       = http.StatusLengthRequired
	statusPrecondition = http.StatusPreconditionFailed
	statusTooLarge     = http.StatusRequestEntityTooLarge
	statusURITooLong   = http.StatusRequestURITooLong
	statusMediaType    = http.StatusUnsupportedMediaType
	statusExpectation  = http.StatusExpectationFailed
	statusRange        = http.StatusRequestedRangeNotSatisfiable
	statusHeadTooLarge = http.StatusRequestHeaderFieldsTooLarge
	statusError        = http.StatusInternalServerError
	statusUnsupported  = http.StatusNotImplemented
	statusUnavailable  = http.StatusServiceUnavailable
	statusNoSpace      = http.StatusInsufficientStorage
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
		statusError, statusUnavailable, statusMulti,
		statusUnauthorized, statusCreated, statusNoContent, statusConflict, statusLength, statusTooLarge, statusMediaType,
		statusExpectation, statusUnsupported, statusNoSpace,
	} {
		lines[s] = "HTTP/1.1 " + itoa(int64(s)) + " " + http.StatusText(s) + "\r\n"
		texts[s] = itoa(int64(s)) + " " + http.StatusText(s) + "\n"
	}
}
