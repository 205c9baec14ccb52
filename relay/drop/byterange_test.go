package drop

import "testing"

func TestRanges(t *testing.T) {
	const size = 1000
	for _, c := range []struct {
		field        string
		size         int64
		want         wanted
		from, length int64
	}{
		{"bytes=0-0", size, part, 0, 1},
		{"bytes=0-999", size, part, 0, 1000},
		{"bytes=0-", size, part, 0, 1000},
		{"bytes=10-19", size, part, 10, 10},
		{"bytes=999-", size, part, 999, 1},
		{"bytes=999-999", size, part, 999, 1},
		{"bytes=500-5000", size, part, 500, 500},
		{"bytes=500-99999999999999999999999", size, part, 500, 500},
		{"bytes=-1", size, part, 999, 1},
		{"bytes=-1000", size, part, 0, 1000},
		{"bytes=-5000", size, part, 0, 1000},
		{"Bytes = 1-2", size, part, 1, 2},
		{"bytes=1-2 ", size, part, 1, 2},

		{"bytes=1000-", size, outside, 0, 0},
		{"bytes=1000-1001", size, outside, 0, 0},
		{"bytes=99999999999999999999999-", size, outside, 0, 0},
		{"bytes=-0", size, outside, 0, 0},
		{"bytes=0-", 0, outside, 0, 0},
		{"bytes=0-0", 0, outside, 0, 0},

		{"bytes=-5", 0, whole, 0, 0},
		{"bytes=0-1,5-6", size, whole, 0, 0},
		{"bytes=0-1, 5000-", size, whole, 0, 0},
		{"bytes=5-4", size, whole, 0, 0},
		{"bytes=a-b", size, whole, 0, 0},
		{"bytes=1-b", size, whole, 0, 0},
		{"bytes=+1-2", size, whole, 0, 0},
		{"bytes=1--2", size, whole, 0, 0},
		{"bytes=--2", size, whole, 0, 0},
		{"bytes=-", size, whole, 0, 0},
		{"bytes=", size, whole, 0, 0},
		{"bytes", size, whole, 0, 0},
		{"bytes=5", size, whole, 0, 0},
		{"bytes= 1 - 2", size, whole, 0, 0},
		{"lines=0-1", size, whole, 0, 0},
		{"", size, whole, 0, 0},
	} {
		s, want := byteRange([]string{c.field}, c.size)
		if want != c.want || s != (span{c.from, c.length}) {
			t.Errorf("%q of %d: %+v, %v; want %v, %d+%d", c.field, c.size, s, want, c.want, c.from, c.length)
		}
	}
	if _, want := byteRange([]string{"bytes=0-1", "bytes=0-1"}, size); want != whole {
		t.Error("two Range fields do not give the whole file")
	}
	if _, want := byteRange(nil, size); want != whole {
		t.Error("no Range field does not give the whole file")
	}
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-1", int64(10))
	f.Add("bytes=-9223372036854775808", int64(0))
	f.Add("bytes=9223372036854775807-", int64(9223372036854775807))
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 {
			return
		}
		s, want := byteRange([]string{field}, size)
		if want == part && (s.from < 0 || s.length <= 0 || s.length > size-s.from) {
			t.Errorf("%q of %d: %+v", field, size, s)
		}
	})
}
