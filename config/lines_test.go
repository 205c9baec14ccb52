package config

import (
	"maps"
	"testing"
)

func TestLines(t *testing.T) {
	text := "\ufeff# comment\n" + // 1
		"a = 1 # [not]\n" + // 2
		"b.c = \"x # \\\" = [\"\n" + // 3
		"d = [ 1, # ]\n" + // 4
		"  2, '''\n" + // 5
		"] '''' ]\r\n" + // 6
		"e = \"\"\"\n" + // 7
		"f = \\\"\"\" # still the string\n" + // 8
		"\"\"\"\"\"\n" + // 9
		"[ t . \"u v\" ] # [[x]]\n" + // 10
		"g = { h = 1,\n" + // 11
		"  i = [{}] }\n" + // 12
		"[[l]]\n" + // 13
		"m = 1\n" + // 14
		"[[l]]\n" + // 15
		"m = 1\n" + // 16
		"[[l.n]]\n" + // 17
		"[[l.n]]\n" + // 18
		"o = 1\n" + // 19
		"[l.p.q]\n" + // 20
		"r = ''" // 21
	want := lines{
		"a": 2, "b": 3, "b.c": 3, "d": 4, "e": 7, "t": 10, "t.u v": 10, "t.u v.g": 11,
		"l[0]": 13, "l[0].m": 14, "l[1]": 15, "l[1].m": 16, "l[1].n[0]": 17, "l[1].n[1]": 18, "l[1].n[1].o": 19,
		"l[1].p": 20, "l[1].p.q": 20, "l[1].p.q.r": 21,
	}
	got, deep := findLines(text)
	if !maps.Equal(got, want) || deep != 0 {
		t.Errorf("got  %v\nwant %v, deep %d", got, want, deep)
	}
	for path, line := range map[string]int{
		"l": 13, "l[1].n": 17, "l[1].n[1].o": 19, "l[1].n[1].x": 18, "t.u v.g.h": 11, "t.u v.g.i[0].x": 11, "x": 0, "": 0,
	} {
		if n := got.find(path); n != line {
			t.Errorf("find %s: got %d, want %d", path, n, line)
		}
	}
}
