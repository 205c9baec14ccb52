package digest

import (
	"encoding/hex"
	"testing"
)

// The values of "abc" are those of the algorithms' own documents.
func TestValues(t *testing.T) {
	for by, want := range map[Algorithm]string{
		XXH3:   "06b05ab6733a618578af5f94892f3950",
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	} {
		h := by.New()
		h.Write([]byte("a"))
		h.Write([]byte("bc"))
		if got := hex.EncodeToString(h.Sum(nil)); got != want || h.Size() != by.size() {
			t.Errorf("%s of abc is %s, want %s", by, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	const xxh, sha = "xxh3-128=:BrBatnM6YYV4r1+UiS85UA==:", "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
	for _, c := range []struct {
		fields []string
		sums   int
		bad    bool
	}{
		{nil, 0, false},
		{[]string{""}, 0, false},
		{[]string{sha}, 1, false},
		{[]string{sha + ", " + xxh}, 2, false},
		{[]string{sha, "  " + xxh + " "}, 2, false},
		{[]string{"md5=:AAAA:, " + xxh + ", unixsum=:4:"}, 1, false},
		{[]string{"SHA-256" + sha[7:]}, 1, false},
		{[]string{"sha-256=:AAAA:"}, 0, true},
		{[]string{"sha-256"}, 0, true},
		{[]string{"sha-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}, 0, true},
		{[]string{"sha-256=:*:"}, 0, true},
	} {
		sums, err := Parse(c.fields)
		if len(sums) != c.sums || (err != nil) != c.bad {
			t.Errorf("%q: %v, %v", c.fields, sums, err)
		}
	}
	sums, err := Parse([]string{sha + "," + xxh})
	if err != nil || Join(sums) != sha+", "+xxh || !sums[0].Equal(sums[0]) || sums[0].Equal(sums[1]) {
		t.Errorf("%v comes back as %q, %v", sums, Join(sums), err)
	}
	old, err := ParseOld([]string{"SHA-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=,UNIXsum=30637"})
	if err != nil || len(old) != 1 || !old[0].Equal(sums[0]) {
		t.Errorf("Digest: %v, %v", old, err)
	}
	if _, err := ParseOld([]string{sha}); err == nil {
		t.Error("Digest takes the newer form")
	}
}

func TestWanted(t *testing.T) {
	for field, want := range map[string]Algorithm{
		"": None, "sha-256=1": SHA256, "sha-256=1, xxh3-128=10": XXH3, "xxh3-128=3,sha-512=10": SHA512,
		"md5=10, sha-256=1": SHA256, "sha-256=0": None, "sha-256": None, "sha-256=x": None,
	} {
		if got := Wanted([]string{field}); got != want {
			t.Errorf("%q wants %v", field, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:, xxh3-128=:x:")
	f.Fuzz(func(t *testing.T, field string) {
		sums, err := Parse([]string{field})
		if err != nil {
			return
		}
		again, err := Parse([]string{Join(sums)})
		if err != nil || Join(again) != Join(sums) {
			t.Errorf("%q becomes %q, %v", field, Join(again), err)
		}
	})
}
