package drop

import (
	"reflect"
	"testing"
	"time"

	"relay/relay/tally"
)

// Every count goes along to a new process, and none is counted twice by it.
func TestTalliesAddUp(t *testing.T) {
	one := Tally{
		Requests: map[int]uint64{200: 3}, Ended: map[Reason]uint64{Complete: 3},
		Bytes: 5, Received: 7, Arrived: 2,
	}
	one.Duration.Observe(time.Second)
	for field, v := range fieldsOf(one) {
		if v.IsZero() {
			t.Fatalf("%s: the test must count something of it", field)
		}
	}
	sum := Tally{Requests: map[int]uint64{}, Ended: map[Reason]uint64{}}
	sum.Add(&one)
	if !reflect.DeepEqual(sum, one) {
		t.Errorf("nothing and %+v are %+v", one, sum)
	}
	sum.Add(&one)
	if got := sum.Since(&one); !reflect.DeepEqual(got, one) {
		t.Errorf("twice %+v since once is %+v", one, got)
	}
	if rest := one.Since(&one); rest.Bytes+rest.Received+rest.Arrived+rest.Requests[200]+rest.Ended[Complete] != 0 ||
		rest.Duration != (tally.Histogram{}) {
		t.Errorf("%+v is left of nothing", rest)
	}
}

func fieldsOf(t Tally) map[string]reflect.Value {
	all, v := map[string]reflect.Value{}, reflect.ValueOf(t)
	for i := range v.NumField() {
		all[v.Type().Field(i).Name] = v.Field(i)
	}
	return all
}
