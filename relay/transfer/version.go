package transfer

// Version tells one content of a name from another: what replaces a file is another file,
// and what is written to has another time. The number of a file that was removed is soon
// given to another, and senders choose size and time; so the moment counts at which a file
// was made, which nobody can set, and which noting things with a file does not change, as
// it does the ctime.
type Version struct {
	Ino   uint64 `json:"ino"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"`          // nanoseconds since 1970
	Born  int64  `json:"born,omitempty"` // the same; 0 = not known
}

// Same reports that two versions, of which one may have been noted by a program that did
// not ask when files were made, are one for all that is known.
func (v Version) Same(other Version) bool {
	if v.Born == 0 || other.Born == 0 {
		v.Born = other.Born
	}
	return v == other
}
