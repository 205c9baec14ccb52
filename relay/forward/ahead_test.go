package forward

import (
	"context"
	"testing"
	"time"

	"relay/relay/drop"
)

// A file that is sent while it arrives is in the queue, until it is there and carried like
// others.
func TestTheQueueHasWhatArrives(t *testing.T) {
	f := start(t, receive(t), nil)
	at := time.Unix(5, 0)
	coming := &drop.Arriving{Path: "big", Size: 9 << 20}
	order := func(legs ...*ahead) (all []Item) {
		f.until(t, "it is listed", func() bool { f.ahead["big"] = legs; return true })
		all, err := f.Queue()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	want := Item{Path: "big", To: f.config.Forwards[0].To, Size: 9 << 20, State: "arriving", Since: at}
	if all := order(&ahead{coming: coming, since: at, unwanted: context.Background()}); len(all) != 1 || all[0] != want {
		t.Errorf("the queue is %+v, want %+v", all, want)
	}
	if all := order(&ahead{coming: coming, given: true}); len(all) != 0 {
		t.Errorf("the queue is %+v", all)
	}
	if all := order(nil); len(all) != 0 {
		t.Errorf("the queue is %+v", all)
	}
}
