package transfer

import (
	"sync"
	"testing"
	"time"
)

// Every one is settled once, although they are given back and takers come and go.
func TestQueueEndsWhenAllIsSettled(t *testing.T) {
	q := newQueue[int]()
	const all = 1000
	var mu sync.Mutex
	settled := map[int]int{}
	tries := map[int]int{}
	var takers sync.WaitGroup
	for range 4 {
		takers.Go(func() {
			for {
				x, ok := q.take(true)
				if !ok {
					return
				}
				mu.Lock()
				tries[x]++
				again := tries[x] < 1+x%3
				if !again {
					settled[x]++
				}
				mu.Unlock()
				if again {
					q.giveBack(x)
				} else {
					q.settle()
				}
			}
		})
	}
	for x := range all {
		q.add(x)
	}
	q.close()
	takers.Wait()
	for x := range all {
		if settled[x] != 1 {
			t.Errorf("%d was settled %d times", x, settled[x])
		}
	}
}

func TestAnAbandonedQueueHoldsNobody(t *testing.T) {
	q := newQueue[int]()
	q.add(1)
	if _, ok := q.take(false); !ok {
		t.Fatal("nothing to take")
	}
	ended := make(chan bool)
	go func() {
		_, ok := q.take(true)
		ended <- ok
	}()
	q.abandon()
	if <-ended {
		t.Error("took something")
	}
	q.giveBack(1)
	if _, ok := q.take(true); ok {
		t.Error("took back what was given to an abandoned queue")
	}
}

func TestBackoffGrowsWithinBounds(t *testing.T) {
	for failures, most := range map[int]time.Duration{0: backoffFirst, 1: backoffFirst, 3: 4 * backoffFirst, 8: 128 * backoffFirst, 1000: backoffMost} {
		for range 100 {
			if d := backoff(failures); d < most/2 || d > most {
				t.Errorf("%d failures: %v", failures, d)
			}
		}
	}
}

func TestPatience(t *testing.T) {
	p := &patience{limit: time.Hour}
	for range 2 {
		if p.failed() {
			t.Error("given up at once")
		}
	}
	p.since.Store(int64(time.Since(epoch) - 2*time.Hour))
	if !p.failed() {
		t.Error("not given up after two hours")
	}
	p.moved()
	if p.failed() {
		t.Error("given up in spite of progress")
	}
	if !(&patience{}).failed() {
		t.Error("no patience, and not given up")
	}
}
