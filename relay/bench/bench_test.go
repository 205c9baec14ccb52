package bench

import (
	"context"
	"errors"
	"os"
	"testing"

	"relay/relay/sock"
)

// The test binary plays the children as well.
const roleVariable = "RELAY_BENCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	if err := Serve(Role(os.Args[len(os.Args)-1]), os.TempDir()); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func small(t *testing.T) *Bench {
	t.Setenv(roleVariable, "1")
	return &Bench{
		Dir: os.TempDir(), Child: []string{os.Args[0]},
		Plan: Plan{
			Methods: Methods, Sizes: []int64{1, 1234567}, Chunks: []int{5000, 1 << 20},
			Streams: []int{1, 3}, Rounds: 2,
		},
	}
}

func TestEveryMethodMovesEveryByte(t *testing.T) {
	b := small(t)
	var told int
	b.Progress = func(_ string, done, all int64) {
		told++
		if done > all {
			t.Errorf("%d of %d done", done, all)
		}
	}
	r, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Errorf("%+v", f)
	}
	for _, c := range b.Plan.Cases() {
		x := r.Find(c)
		if x == nil || len(x.Rounds) != 2 {
			t.Fatalf("%+v: %+v", c, x)
		}
		for _, u := range x.Rounds {
			if u.Wall <= 0 || u.CPU <= 0 || u.Calls < 3 || u.User+u.System != u.CPU {
				t.Errorf("%+v: %+v", c, u)
			}
		}
	}
	if told < len(b.Plan.Cases())*b.Plan.Rounds {
		t.Errorf("progress was told %d times", told)
	}
}

// The calls of a plain loop are known exactly: a read and a write for each buffer, the
// end, and the verdict.
func TestCallsAreExact(t *testing.T) {
	b := small(t)
	b.Plan.Methods, _ = Select([]string{"send/read+write-64KiB", "send/sendfile"})
	b.Plan.Sizes, b.Plan.Streams = []int64{640 << 10}, []int{1}
	b.Plan.Chunks = []int{64 << 10}
	r, err := b.Run(context.Background())
	if err != nil || len(r.Failures) > 0 {
		t.Fatal(err, r)
	}
	plain := r.Find(Case{"send/read+write-64KiB", 640 << 10, 64 << 10, 1})
	for _, u := range plain.Rounds {
		if want := int64(10*2 + 2); u.Calls != want {
			t.Errorf("%d calls, want %d", u.Calls, want)
		}
	}
	for _, u := range r.Find(Case{"send/sendfile", 640 << 10, 64 << 10, 1}).Rounds {
		if u.Calls < 10 || u.Calls > 60 {
			t.Errorf("%d calls for ten chunks", u.Calls)
		}
	}
}

func TestInterruptedEndsEarly(t *testing.T) {
	b := small(t)
	ctx, cancel := context.WithCancel(context.Background())
	b.Progress = func(string, int64, int64) { cancel() }
	if _, err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it canceled", err)
	}
}

// A sink that is not there is an error of every measurement, and none of the numbers.
func TestASinkThatIsNotThere(t *testing.T) {
	b := small(t)
	b.Plan.Methods, _ = Select([]string{"send/splice"})
	b.Plan.Sizes = []int64{1000}
	fd, where, err := listen(loopback)
	if err != nil {
		t.Fatal(err)
	}
	sock.Close(fd) // now it refuses
	b.To = where
	b.Plan.Rounds = 1
	r, err := b.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) == 0 || len(r.Results) != 0 {
		t.Errorf("%+v", r)
	}
}
