package bench

import (
	"slices"
	"testing"
)

func TestCasesOfThePlan(t *testing.T) {
	p := QuickPlan()
	cases := p.Cases()
	for i, c := range cases {
		if slices.Index(cases, c) != i {
			t.Errorf("twice: %+v", c)
		}
	}
	for _, want := range []Case{
		{"send/splice", 63e6, 1 << 20, 1},
		{"send/splice", 63e6, 64 << 10, 1},
		{"send/splice", 63e6, 1 << 20, 8},
		{"send/read+write-64KiB", 7e6, 64 << 10, 1},
		{"receive/read+write-1MiB", 63e6, 1 << 20, 8},
	} {
		if !slices.Contains(cases, want) {
			t.Errorf("not measured: %+v", want)
		}
	}
	if c := (Case{"send/splice", 7e6, 64 << 10, 1}); slices.Contains(cases, c) {
		t.Errorf("every chunk with every size: %+v", c)
	}
}

func TestAPlanThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"no size":     func(p *Plan) { p.Sizes = nil },
		"empty file":  func(p *Plan) { p.Sizes = []int64{0} },
		"no round":    func(p *Plan) { p.Rounds = 0 },
		"chunk 0":     func(p *Plan) { p.Chunks = []int{0} },
		"many stream": func(p *Plan) { p.Streams = []int{1000} },
	} {
		p := QuickPlan()
		change(&p)
		if p.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSelect(t *testing.T) {
	if m, err := Select([]string{"send", "relay/splice"}); err != nil || len(m) != 7 {
		t.Errorf("%d methods, %v", len(m), err)
	}
	if _, err := Select([]string{"teleport"}); err == nil {
		t.Error("no error for a method that is none")
	}
	if all, _ := Select(nil); len(all) != len(Methods) {
		t.Errorf("%d methods by default", len(all))
	}
}

func TestSharesAreTheWhole(t *testing.T) {
	for _, bytes := range []int64{0, 1, 4095, 4096, 1e6, 1e6 + 1} {
		for _, n := range []int{1, 3, 8} {
			var sum int64
			for i := range n {
				from, length := share(bytes, i, n)
				if from != sum {
					t.Errorf("share %d of %d of %d begins at %d, want %d", i, n, bytes, from, sum)
				}
				sum += length
			}
			if sum != bytes {
				t.Errorf("%d shares of %d are %d", n, bytes, sum)
			}
		}
	}
}
