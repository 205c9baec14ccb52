package drop

import (
	"testing"
	"testing/synctest"
	"time"

	"relay/relay/flow"
)

// Disks that do not answer are waited for once, and not one after the other.
func TestWorkersAreClosedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Workers{Disk: flow.NewDisk(1), Hashing: flow.NewDisk(1), Bundles: flow.NewDisk(1)}
		release := make(chan struct{})
		for _, d := range []*flow.Disk{w.Disk, w.Hashing, w.Bundles} {
			d.Do(nil, func() { <-release }, nil)
		}
		began := time.Now()
		w.Close()
		if took := time.Since(began); took == 0 || took > 7*time.Second { // by the test's own clock
			t.Errorf("it took %v", took)
		}
		close(release)
	})
}
