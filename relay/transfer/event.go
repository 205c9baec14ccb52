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
	Size   Size   `json:"size,omitzero"`
	Offset int64  `json:"offset,omitempty"`
	Digest string `json:"digest,omitempty"` // that was verified, as "sha-256=:…:"
	// Stored is the URL that a file which was sent has got, if that is not the one it was sent
	// to: the drop keeps both of two files of a name.
	Stored string `json:"stored,omitempty"`
	Why    string `json:"why,omitempty"`
}

// Size is that of a file, in bytes.
type Size int64

// NoSize is the size of what is no file, or of one whose size is not known yet.
const NoSize Size = -1

// IsZero reports that there is nothing to tell: an empty file has a size.
func (s Size) IsZero() bool { return s < 0 }

// Progress counts what a run has done; it may be read at any time.
type Progress struct {
	Files, FilesDone atomic.Int64 // known of so far; done, skipped or failed
	Bytes, BytesDone atomic.Int64
	FilesFailed      atomic.Int64
	BytesMoved       atomic.Int64 // over the network; without what was there already
}
