package upstream

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"relay/config"
)

func claimants(n int) []claimant {
	all := make([]claimant, n)
	for i := range all {
		all[i] = claimant{fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), 1}
	}
	slices.SortFunc(all, func(a, b claimant) int { return strings.Compare(a.name, b.name) })
	return all
}

func TestMaglevIsEven(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100, 1000} {
		got := make([]int, n)
		for _, i := range maglev(claimants(n)) {
			got[i]++
		}
		fair := float64(tableSize) / float64(n)
		least, most := slices.Min(got), slices.Max(got)
		t.Logf("%d backends: %.4f to %.4f of a fair share", n, float64(least)/fair, float64(most)/fair)
		if float64(least) < fair-1.01 || float64(most) > fair+1.01 {
			t.Errorf("%d backends: %d to %d slots, fair are %.1f", n, least, most, fair)
		}
	}
}

func TestMaglevKeepsToWeights(t *testing.T) {
	all := claimants(4)
	all[0].weight, all[1].weight, all[2].weight, all[3].weight = 1, 2, 5, 0
	got := make([]int, 4)
	for _, i := range maglev(all) {
		got[i]++
	}
	for i, c := range all {
		want := tableSize * c.weight / 8
		if got[i] < want-9 || got[i] > want+9 {
			t.Errorf("weight %d: %d slots, want %d", c.weight, got[i], want)
		}
	}
	if maglev(nil) != nil || maglev([]claimant{{"a", 0}}) != nil {
		t.Error("a table without a backend")
	}
}

// When one of N leaves, its own slots must move, which are 1/N of all; of the others few.
func TestMaglevDisruption(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		all := claimants(n)
		gone := n / 3
		left := slices.Delete(slices.Clone(all), gone, gone+1)
		before, after := maglev(all), maglev(left)
		moved := 0
		for i := range before {
			if all[before[i]].name != left[after[i]].name {
				moved++
			}
		}
		share := float64(moved) / tableSize
		t.Logf("one of %d leaves: %.2f %% of the slots move, at least %.2f %% must", n, 100*share, 100/float64(n))
		if share > 1/float64(n)+0.03 {
			t.Errorf("one of %d leaves: %.2f %% of the slots move", n, 100*share)
		}
	}
}

// Every relay of a fleet has the same table, whatever the order of its list, and walks
// the same way past the same backends that are down.
func TestFleetAgrees(t *testing.T) {
	weights := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	c := config.Upstream{Balance: config.SourceHash, HealthCheck: &config.HealthCheck{Fall: 1, Rise: 1}}
	for i, w := range weights {
		c.Backends = append(c.Backends, config.Backend{Address: address(i), Weight: w})
	}
	first := poolOf(t, c)
	c.Backends = slices.Clone(c.Backends)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(weights), func(i, j int) { c.Backends[i], c.Backends[j] = c.Backends[j], c.Backends[i] })
	second := poolOf(t, c)
	agree := func(what string) map[string]string {
		all := map[string]string{}
		for client := range 3000 {
			a, b := first.pick(t, client), second.pick(t, client)
			if a.Name != b.Name {
				t.Fatalf("%s: client %d goes to %s and to %s", what, client, a.Name, b.Name)
			}
			all[fmt.Sprint(client)] = a.Name
			a.Leave()
			b.Leave()
		}
		return all
	}
	before := agree("all up")
	down := first.at(6).Name
	for _, p := range []pool{first, second} {
		p.Find(down).Checked("down")
	}
	during := agree("one down")
	spread := map[string]bool{}
	for client, name := range before {
		if name != down && during[client] != name {
			t.Fatalf("client %s moved from %s, which is up", client, name)
		}
		if name == down {
			spread[during[client]] = true
		}
	}
	if len(spread) < 7 {
		t.Errorf("the clients of the one that is down go to %v only", spread)
	}
	for _, p := range []pool{first, second} {
		p.Find(down).Checked("")
	}
	if !maps.Equal(agree("all up again"), before) {
		t.Error("when it is back, its clients are not")
	}
}

func TestHashKeys(t *testing.T) {
	client := address(1).TCP
	other := netip.AddrPortFrom(client.Addr(), 81)
	if hashOf(config.HashSource, client, "") != hashOf(config.HashSource, other, "a") {
		t.Error("source: the port or the name counts")
	}
	if hashOf(config.HashSourcePort, client, "") == hashOf(config.HashSourcePort, other, "") {
		t.Error("source_port: the port does not count")
	}
	if hashOf(config.HashSNI, client, "a.example") != hashOf(config.HashSNI, other, "a.example") ||
		hashOf(config.HashSNI, client, "a.example") == hashOf(config.HashSNI, client, "b.example") {
		t.Error("sni: it is not the name alone that counts")
	}
	if hashOf(config.HashSNI, client, "") != hashOf(config.HashSource, client, "") {
		t.Error("sni without a name: the source does not count")
	}
}

// The hash is part of the agreement between machines, and so must never change.
func TestHashIsFixed(t *testing.T) {
	if got := hashText("10.0.0.1:80"); got != 0x5ed8f8275e47a14a {
		t.Errorf("%#x", got)
	}
	if got := hashOf(config.HashSource, address(0).TCP, ""); got != 0x942f19187936f36c {
		t.Errorf("%#x", got)
	}
}

// One client alone, with hash_balance_factor: the load spreads once the bound bites, and
// no backend gets more than the bound.
func TestBoundedLoad(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.SourceHash, HashFactor: 125}, equal(10, 1)...)
	for range 1000 {
		p.pick(t, 1)
	}
	for _, b := range p.Backends() {
		if b.Load() > 125 {
			t.Errorf("%s has %d of 1000 sessions, the bound is 125", b.Name, b.Load())
		}
	}
}

// With nearly everything down or without weight a pick still finds what is left.
func TestHashFindsTheLast(t *testing.T) {
	p := newPool(t, config.Upstream{Balance: config.SourceHash}, equal(1000, 256)...)
	for i, b := range p.Backends() {
		if i != 700 {
			p.SetDrained(b, true)
		}
	}
	for client := range 50 {
		b := p.pick(t, client)
		if b.place != 700 {
			t.Fatalf("backend %d is drained", b.place)
		}
	}
}
