package transfer

import "sync/atomic"

// Kind is what an Event tells.
type Kind string

// The kinds of events.
const (
	Started  Kind = "start"     // bytes of the file begin to move; Offset is where
	Finished Kind = "done"      // it is whole at its place
	Skipped  Kind = "skip"      // it was there already, or is nothing that can be moved; Why says which
	Retried  Kind = "retry"     // something failed and is tried again; Why says what
	Failed   Kind = "fail"      // it is given up; Why says why
	MadeDir  Kind = "directory" // a directory is there
)

// Event is one thing that happened to one file of a run.
type Event struct {
	Kind   Kind   `json:"event"`
	Path   string `json:"path,omitempty"` // the local one
	URL    string `json:"url,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Digest string `json:"digest,omitempty"` // that was verified, as "sha-256=:…:"
	Why    string `json:"why,omitempty"`
}

// Progress counts what a run has done; it may be read at any time.
type Progress struct {
	Files, FilesDone atomic.Int64 // known of so far; done, skipped or failed
	Bytes, BytesDone atomic.Int64
	FilesFailed      atomic.Int64
	BytesMoved       atomic.Int64 // over the network; without what was there already
}
