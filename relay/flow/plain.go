package flow

import "relay/pipepool"

// Plain is a flow as plain values, on its way to another process. Descriptors stand in
// it by number, as whoever passes them on has numbered them.
type Plain struct {
	Moved     uint64
	Remain    int64
	Pipe      *PlainPipe `json:",omitempty"` // nil = no bytes in a pipe
	Kept      []byte     `json:",omitempty"` // bytes that found no pipe
	Flushed   uint32     `json:",omitempty"`
	Streaming bool       `json:",omitempty"`
	Unfit     bool       `json:",omitempty"`
	Ended     bool       `json:",omitempty"`
}

// PlainPipe is a pipe that holds bytes.
type PlainPipe struct {
	R, W     int // numbers of its two descriptors
	Capacity int
	Bytes    int
}

// Plain is what another process needs to go on with a flow that is detached. number is
// called for each descriptor. The flow is not changed: it can still go on here.
func (f *Flow) Plain(number func(fd int) int) Plain {
	p := Plain{
		Moved: f.Moved, Remain: f.Remain, Flushed: f.flushed,
		Streaming: f.streaming, Unfit: f.unfit, Ended: f.ended,
	}
	if f.pipe != nil {
		p.Pipe = &PlainPipe{R: number(f.pipe.R), W: number(f.pipe.W), Capacity: f.pipe.Capacity, Bytes: f.pipe.Bytes}
	}
	if f.kept != nil {
		p.Kept = f.kept.buf[f.kept.from:]
	}
	return p
}

// Flow is the flow again, to be attached; fd is called for each descriptor's number. Its
// Chunk is for whoever knows the configuration.
func (p *Plain) Flow(fd func(number int) int) Flow {
	f := Flow{
		Moved: p.Moved, Remain: p.Remain, flushed: p.Flushed,
		streaming: p.Streaming, unfit: p.Unfit, ended: p.Ended,
	}
	if p.Pipe != nil {
		f.pipe = &pipepool.Pipe{R: fd(p.Pipe.R), W: fd(p.Pipe.W), Capacity: p.Pipe.Capacity, Bytes: p.Pipe.Bytes}
	}
	if len(p.Kept) > 0 {
		f.kept = &kept{buf: p.Kept}
	}
	return f
}

// Descriptors is the number of descriptors that a flow holds.
func (f *Flow) Descriptors() int {
	if f.pipe == nil {
		return 0
	}
	return 2
}

// Abandon closes what a detached flow holds in this process: another one goes on with
// it.
func (f *Flow) Abandon() {
	if f.pipe != nil {
		f.pipe.Abandon()
	}
	f.pipe, f.kept = nil, nil
}
