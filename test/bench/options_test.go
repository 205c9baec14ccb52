package main

import (
	"io"
	"slices"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-quick", "-only", "bulk, rr-50", "-only", "idle", "-relay", "new=bin/relay", "-relay", "old=/tmp/x", "-seconds", "0.5"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.only, []string{"bulk", "rr-50", "idle"}) {
		t.Errorf("only %q", o.only)
	}
	if !slices.Equal(o.relays, []build{{"new", "bin/relay"}, {"old", "/tmp/x"}}) {
		t.Errorf("relays %v", o.relays)
	}
	if o.window != 500*time.Millisecond || o.rounds != 1 {
		t.Errorf("%v, %d rounds", o.window, o.rounds)
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-only", "bluk"},
		{"-rounds", "-1"},
		{"-relay", "a", "-relay", "b"},
		{"-relay", "nginx=a"},
		{"-relay", "a:b=c"},
		{"more"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestSelectWork(t *testing.T) {
	names := func(only ...string) (all []string) {
		for _, w := range selectWork(only, 1) {
			all = append(all, w.name)
		}
		return all
	}
	if got := names("rr-50", "bulk"); !slices.Equal(got, []string{"bulk-1", "bulk-8", "bulk-64", "rr-50"}) {
		t.Errorf("selected %q", got)
	}
	if got := names(); slices.Contains(got, "upload-1") || !slices.Contains(got, "file-8") {
		t.Errorf("by default %q", got)
	}
}

func TestPeerIsWanted(t *testing.T) {
	tests := []struct {
		peer  peer
		names []string
		want  bool
	}{
		{peer{name: "nginx"}, nil, true},
		{peer{name: "haproxy-copy"}, []string{"haproxy"}, true},
		{peer{name: "relay:mmap"}, []string{"relay"}, true},
		{peer{name: "relay2"}, []string{"relay"}, false},
		{peer{name: "nginx-256k", extra: true}, nil, false},
		{peer{name: "nginx-256k", extra: true}, []string{"nginx"}, false},
		{peer{name: "nginx-256k", extra: true}, []string{"nginx-256k"}, true},
	}
	for _, test := range tests {
		if got := test.peer.isWanted(test.names); got != test.want {
			t.Errorf("%s with -peers %q: %v", test.peer.name, test.names, got)
		}
	}
}
