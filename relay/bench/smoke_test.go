package bench

import (
	"context"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if r := os.Getenv("BENCH_ROLE"); r != "" {
		if err := Serve(Role(os.Args[len(os.Args)-1]), os.TempDir()); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestSmoke(t *testing.T) {
	t.Setenv("BENCH_ROLE", "x")
	p := QuickPlan()
	b := &Bench{Plan: p, Dir: os.TempDir(), Child: []string{os.Args[0]}}
	r, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f)
	}
	for _, x := range r.Results {
		u := x.Rounds[0]
		gb := float64(x.Bytes) / 1e9
		t.Logf("%-24s %9d %7d %d: %6.1f ms %5.2f GB/s cpu %5.0f (u %3.0f s %3.0f) calls %6.0f vol %5d other %4d faults %6d", x.Method, x.Bytes, x.Chunk, x.Streams, u.Wall.Seconds()*1e3, gb/u.Wall.Seconds(), u.CPU.Seconds()*1e3/gb, u.User.Seconds()*1e3/gb, u.System.Seconds()*1e3/gb, float64(u.Calls)/gb, u.Voluntary, u.Other, u.Faults)
	}
}
