package drop

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relay/relay/drop/bundle"
	"relay/relay/drop/digest"
)

// What an upload says of its file beside the bytes:
//
//	X-OC-Mtime       when it was changed: seconds since 1970, with a fraction if there is one
//	X-Relay-Mode     its permissions, in octal as chmod(1) has them; of others only 0777
//	Repr-Digest, Content-Digest, Digest    what its bytes must be like
//	Want-Repr-Digest which digest the answer is to hold
//	X-Relay-Via      the ids of the drops that it came through (package forward)
//	X-Relay-Transfer what the sender calls this transfer, 32 hexadecimal digits that nobody
//	                 else uses: sent again, the file does not appear again
type uploadFields struct {
	mtime time.Time // zero = not said
	mode  uint32    // 0 = not said
	sums  []digest.Sum
	want  digest.Algorithm
	via   string // the drops it came through, for forwards
	id    string // of the transfer
}

var (
	errMtime = errors.New("X-OC-Mtime is not a time; write seconds since 1970, like 1700000000.5")
	errVia   = errors.New("X-Relay-Via is too long: the file has come through too many drops")
	errID    = errors.New("X-Relay-Transfer is no id; write 32 hexadecimal digits in lower case, from a good random source")
	errMode  = errors.New("X-Relay-Mode is not a mode; write it in octal, like 0644")
)

func readUploadFields(h http.Header) (f uploadFields, err error) {
	if f.mtime, err = readMtime(h.Get("X-Oc-Mtime")); err != nil {
		return f, err
	}
	if f.mode, err = readMode(h.Get("X-Relay-Mode")); err != nil {
		return f, err
	}
	for _, name := range []string{"Repr-Digest", "Content-Digest"} {
		sums, err := digest.Parse(h[name])
		if err != nil {
			return f, err
		}
		f.sums = append(f.sums, sums...)
	}
	old, err := digest.ParseOld(h["Digest"])
	if err != nil {
		return f, err
	}
	f.sums = append(f.sums, old...)
	f.want = digest.Wanted(h["Want-Repr-Digest"])
	if f.via = h.Get(bundle.Via); len(f.via) > bundle.ViaMost {
		return f, errVia
	}
	f.id, err = readID(h.Get("X-Relay-Transfer"))
	return f, err
}

// readBundled reads what a bundle says of a file.
func readBundled(b *bundle.File) (f uploadFields, err error) {
	if f.mtime, err = readMtime(b.Mtime); err != nil {
		return f, err
	}
	if f.mode, err = readMode(b.Mode); err != nil {
		return f, err
	}
	if f.sums, err = digest.Parse([]string{b.Digests}); err != nil {
		return f, err
	}
	f.id, err = readID(b.ID)
	return f, err
}

func readID(s string) (string, error) {
	if s != "" && (len(s) != idDigits || !isHex(s)) {
		return "", errID
	}
	return s, nil
}

// readMtime reads seconds with up to nine decimals; more are cut off.
func readMtime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	whole, part, _ := strings.Cut(s, ".")
	negative := strings.HasPrefix(whole, "-")
	sec, err := strconv.ParseInt(whole, 10, 64)
	const digits = 9
	part = (part + strings.Repeat("0", digits))[:digits]
	nsec, err2 := strconv.ParseUint(part, 10, 32)
	const most = 1 << 40 // 34 000 years either way: what no file system goes beyond
	if err != nil || err2 != nil || sec > most || sec < -most || strings.HasPrefix(whole, "+") {
		return time.Time{}, errMtime
	}
	if negative {
		return time.Unix(sec, -int64(nsec)), nil
	}
	return time.Unix(sec, int64(nsec)), nil
}

// settable is marked in every mode, so that 0000 is told from none.
const settable = 0o100000

func readMode(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	mode, err := strconv.ParseUint(s, 8, 16)
	if err != nil || mode > 0o7777 {
		return 0, errMode
	}
	return uint32(mode)&0o777 | settable, nil
}

// algorithms are those that the digests of a file are computed by.
func (f *uploadFields) algorithms(always digest.Algorithm) []digest.Algorithm {
	all := []digest.Algorithm{always, f.want}
	for _, s := range f.sums {
		all = append(all, s.By)
	}
	return all
}
