package bench

import (
	"fmt"
	"slices"
)

// Plan is what to measure. Every size is measured with the middle chunk and one stream,
// then every chunk and every number of streams at one size; all that in each round.
type Plan struct {
	Methods []Method
	Sizes   []int64
	Chunks  []int
	Streams []int
	Rounds  int
}

// ArticleSizes are those of the article, in bytes.
var ArticleSizes = []int64{7e6, 21e6, 63e6, 98e6, 200e6, 350e6, 700e6, 1e9}

// DefaultPlan takes a few minutes.
func DefaultPlan() Plan {
	return Plan{
		Methods: Methods, Sizes: ArticleSizes,
		Chunks:  []int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20},
		Streams: []int{1, 8}, Rounds: 5,
	}
}

// QuickPlan takes seconds.
func QuickPlan() Plan {
	return Plan{
		Methods: Methods, Sizes: []int64{7e6, 63e6},
		Chunks: []int{64 << 10, 1 << 20}, Streams: []int{1, 8}, Rounds: 3,
	}
}

// usualChunk is the default of splice_chunk.
const usualChunk = 1 << 20

// BaseChunk is the chunk at which sizes and streams are compared: the default of
// splice_chunk if it is among those asked for, else the largest.
func (p Plan) BaseChunk() int {
	if slices.Contains(p.Chunks, usualChunk) {
		return usualChunk
	}
	return slices.Max(p.Chunks)
}

// sweepMost bounds the size at which chunks and streams are compared: it is long enough.
const sweepMost = 350e6

// BaseSize is the size at which chunks and streams are compared.
func (p Plan) BaseSize() int64 {
	best := slices.Min(p.Sizes)
	for _, s := range p.Sizes {
		if s <= sweepMost {
			best = max(best, s)
		}
	}
	return best
}

// BaseStreams is the number of streams at which sizes and chunks are compared.
func (p Plan) BaseStreams() int { return slices.Min(p.Streams) }

// Largest is the largest size.
func (p Plan) Largest() int64 { return slices.Max(p.Sizes) }

// Cases are all measurements of one round, the methods of one setting side by side.
func (p Plan) Cases() []Case {
	var all []Case
	add := func(m Method, bytes int64, chunk, streams int) {
		if m.Buffer > 0 {
			chunk = m.Buffer
		}
		c := Case{Method: m.Key, Bytes: bytes, Chunk: chunk, Streams: streams}
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	for _, size := range p.Sizes {
		for _, m := range p.Methods {
			add(m, size, p.BaseChunk(), p.BaseStreams())
		}
	}
	for _, chunk := range p.Chunks {
		for _, m := range p.Methods {
			add(m, p.BaseSize(), chunk, p.BaseStreams())
		}
	}
	for _, n := range p.Streams {
		for _, m := range p.Methods {
			add(m, p.BaseSize(), p.BaseChunk(), n)
		}
	}
	return all
}

// Check is the error of a plan that cannot be carried out.
func (p Plan) Check() error {
	switch {
	case len(p.Methods) == 0 || len(p.Sizes) == 0 || len(p.Chunks) == 0 || len(p.Streams) == 0:
		return fmt.Errorf("nothing to measure")
	case p.Rounds < 1:
		return fmt.Errorf("%d rounds", p.Rounds)
	case slices.Min(p.Sizes) < 1:
		return fmt.Errorf("a size of %d bytes", slices.Min(p.Sizes))
	case slices.Min(p.Chunks) < 1 || slices.Max(p.Chunks) > 64<<20:
		return fmt.Errorf("chunks are from 1 byte to 64MiB")
	case slices.Min(p.Streams) < 1 || slices.Max(p.Streams) > 256:
		return fmt.Errorf("streams are from 1 to 256")
	}
	return nil
}
