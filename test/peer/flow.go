package peer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Stage is a part of a stream that is written in one manner.
type Stage struct {
	Bytes    int64
	Min, Max int           // bytes of a chunk; sizes are spread evenly over the powers of two
	Pause    time.Duration // between chunks
	Lockstep bool          // the next chunk waits until this one has arrived
}

// Reading is the manner of a reader. The zero value reads as fast as it can.
type Reading struct {
	Min, Max int           // bytes asked of a read
	Every    int64         // bytes between pauses
	Pause    time.Duration // 0 = none
}

// Flow is one direction of bytes from one Conn to another: what is written is
// checked where it arrives.
type Flow struct {
	Stream  Stream
	Stages  []Stage
	Reading Reading

	mu       sync.Mutex
	moved    sync.Cond // received or over has changed
	received int64
	over     bool
}

// NewFlow makes a flow of these stages. The seed decides on bytes and sizes.
func NewFlow(seed uint64, stages ...Stage) *Flow {
	f := &Flow{Stream: Stream(seed), Stages: stages}
	f.moved.L = &f.mu
	return f
}

// Slowly makes the flow's reader a slow one.
func (f *Flow) Slowly(r Reading) *Flow {
	f.Reading = r
	return f
}

// Bytes is the length of the whole stream.
func (f *Flow) Bytes() int64 {
	total := int64(0)
	for _, s := range f.Stages {
		total += s.Bytes
	}
	return total
}

// Received is how many bytes have arrived and were right.
func (f *Flow) Received() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received
}

// Send writes all stages, and no FIN.
func (f *Flow) Send(c *Conn) error {
	_, err := f.SendUpTo(c, f.Bytes())
	return err
}

// SendUpTo writes the first limit bytes of the stream and returns how many went
// into the socket.
func (f *Flow) SendUpTo(c *Conn, limit int64) (sent int64, err error) {
	sizes := rand.New(rand.NewPCG(uint64(f.Stream), 1))
	var buffer []byte
	for _, stage := range f.Stages {
		for left := stage.Bytes; left > 0 && sent < limit; {
			n := int(min(int64(spread(sizes, stage.Min, stage.Max)), left, limit-sent))
			if cap(buffer) < n {
				buffer = make([]byte, max(n, stage.Max))
			}
			f.Stream.Fill(buffer[:n], sent)
			wrote, err := c.Write(buffer[:n])
			sent += int64(wrote)
			if err != nil {
				return sent, fmt.Errorf("write at byte %d: %w", sent, err)
			}
			left -= int64(n)
			if stage.Lockstep && !f.arrived(sent) {
				return sent, fmt.Errorf("the reader ended at byte %d", f.Received())
			}
			time.Sleep(stage.Pause)
		}
	}
	return sent, nil
}

// spread is a random size from low to high, as often between 1 and 2 as between
// 1024 and 2048.
func spread(r *rand.Rand, low, high int) int {
	if low = max(low, 1); high <= low {
		return low
	}
	return int(float64(low) * math.Pow(float64(high+1)/float64(low), r.Float64()))
}

// arrived waits until the reader has the first n bytes; false says that it never
// will.
func (f *Flow) arrived(n int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.received < n && !f.over {
		f.moved.Wait()
	}
	return f.received >= n
}

// Receive reads to the end of the stream and checks every byte. It returns how
// the stream ended; err is set for Broken, Timeout and Reset.
func (f *Flow) Receive(c *Conn) (Ending, error) {
	defer f.note(func() { f.over = true })
	check := Checker{Stream: f.Stream, At: f.Received()}
	sizes := rand.New(rand.NewPCG(uint64(f.Stream), 2))
	buffer := make([]byte, max(f.Reading.Max, 1))
	if f.Reading.Max == 0 {
		buffer = make([]byte, 256<<10)
	}
	rest := f.Reading.Every
	for {
		n, err := c.Read(buffer[:f.ask(sizes, len(buffer))])
		if wrong := check.Check(buffer[:n]); wrong != nil {
			return Broken, wrong
		}
		f.note(func() { f.received = check.At })
		if err != nil {
			end := c.ending(err)
			if end == FIN {
				return FIN, nil
			}
			return end, fmt.Errorf("read at byte %d: %w", check.At, err)
		}
		if rest -= int64(n); rest <= 0 && f.Reading.Pause > 0 {
			time.Sleep(f.Reading.Pause)
			rest = f.Reading.Every
		}
	}
}

// ask is how many bytes the next read asks for.
func (f *Flow) ask(sizes *rand.Rand, most int) int {
	if f.Reading.Max == 0 {
		return most
	}
	return spread(sizes, f.Reading.Min, f.Reading.Max)
}

// note changes the progress and tells the sender.
func (f *Flow) note(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.moved.Broadcast()
}

// ReceiveAll is Receive for a stream that must arrive whole and end by FIN.
func (f *Flow) ReceiveAll(c *Conn) error {
	end, err := f.Receive(c)
	if err != nil {
		return err
	}
	if got := f.Received(); end != FIN || got != f.Bytes() {
		return fmt.Errorf("%v after %d bytes, want FIN after %d", end, got, f.Bytes())
	}
	return nil
}
