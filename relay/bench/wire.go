package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A stream begins with a hello, which says what will come, and ends with the sender's
// FIN. The sink then answers with a verdict and closes. A feeder is sent the same hello
// and sends those bytes.
const (
	helloBytes   = 32
	verdictBytes = 24
	magic        = "relaybn1"
)

// hello announces the pattern's bytes from From on.
type hello struct {
	Verify       bool // compare every byte, do not just count
	From, Length int64
}

func (h hello) marshal() []byte {
	b := append(make([]byte, 0, helloBytes), magic...)
	var flags uint64
	if h.Verify {
		flags = 1
	}
	b = binary.BigEndian.AppendUint64(b, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(h.From))
	return binary.BigEndian.AppendUint64(b, uint64(h.Length))
}

var errNotBench = errors.New("what has connected is no relay bench of this version")

func parseHello(b []byte) (hello, error) {
	if len(b) != helloBytes || string(b[:8]) != magic {
		return hello{}, errNotBench
	}
	h := hello{
		Verify: binary.BigEndian.Uint64(b[8:]) == 1,
		From:   int64(binary.BigEndian.Uint64(b[16:])),
		Length: int64(binary.BigEndian.Uint64(b[24:])),
	}
	if h.From < 0 || h.Length < 0 {
		return hello{}, errNotBench
	}
	return h, nil
}

// verdict is what the sink found: how many bytes came, and where the first wrong one
// was, -1 for none.
type verdict struct{ Got, Wrong int64 }

func (v verdict) marshal() []byte {
	b := append(make([]byte, 0, verdictBytes), magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(v.Got))
	return binary.BigEndian.AppendUint64(b, uint64(v.Wrong))
}

func parseVerdict(b []byte) (verdict, error) {
	if len(b) != verdictBytes || string(b[:8]) != magic {
		return verdict{}, errors.New("the sink's answer is not one of this version")
	}
	return verdict{
		Got:   int64(binary.BigEndian.Uint64(b[8:])),
		Wrong: int64(binary.BigEndian.Uint64(b[16:])),
	}, nil
}

// check is the error of a stream that did not arrive whole and right.
func (v verdict) check(want int64) error {
	switch {
	case v.Got < want:
		return fmt.Errorf("%d of %d bytes were lost", want-v.Got, want)
	case v.Got > want:
		return fmt.Errorf("%d bytes more than the %d that were sent", v.Got-want, want)
	case v.Wrong >= 0:
		return fmt.Errorf("the byte at offset %d is another's: bytes were lost and others came twice", v.Wrong)
	}
	return nil
}
