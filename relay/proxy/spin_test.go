package proxy

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Errors and hang-ups come whether asked for or not. Whenever nobody can act on one, the
// loop must sleep all the same.
func TestNothingSpins(t *testing.T) {
	for name, c := range map[string]struct {
		s       shape
		prepare func(r *rig, p pair)
	}{
		"idle":            {shape{}, func(*rig, pair) {}},
		"blocked":         {shape{small: true}, func(r *rig, p pair) { r.block(p.client, client) }},
		"blocked both":    {shape{small: true}, func(r *rig, p pair) { r.block(p.client, client); r.block(p.backend, backend) }},
		"half-closed":     {shape{}, func(_ *rig, p pair) { p.client.CloseWrite() }},
		"kept, no pipe":   {shape{small: true, pipeBudget: -1}, func(r *rig, p pair) { r.block(p.client, client) }},
		"source is reset": {shape{small: true}, func(r *rig, p pair) { r.block(p.client, client); reset(p.client) }},
		"both FINs behind a blocked reader": {shape{small: true}, func(r *rig, p pair) {
			r.block(p.client, client)
			p.backend.CloseWrite()
			p.client.CloseWrite()
		}},
		"unix peer closed behind a blocked reader": {shape{small: true, unixBackend: true}, func(r *rig, p pair) {
			r.block(p.backend, backend)
			p.backend.Close()
		}},
		"unix peer closed after a half-close": {shape{unixBackend: true}, func(_ *rig, p pair) { p.backend.Close() }},
		"resetting":                           {shape{small: true}, func(r *rig, p pair) { r.clog(p.backend); reset(p.backend) }},
		"urgent data": {shape{}, func(r *rig, p pair) {
			r.onSocket(p.client, func(fd int) { unix.Send(fd, []byte("!"), unix.MSG_OOB) })
		}},
		"urgent data while streaming": {shape{mode: 1}, func(r *rig, p pair) {
			write(r.t, p.client, stream(0, 200_000))
			r.onSocket(p.client, func(fd int) { unix.Send(fd, []byte("!"), unix.MSG_OOB) })
			wantRead(r.t, p.backend, stream(0, 200_000))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := c.s.begin(t)
			c.prepare(r, p)
			r.passed()
			const window = 60 * time.Millisecond
			before := r.workers[0].loop.Turns()
			time.Sleep(window) // what is measured is a rate
			if turns := r.workers[0].loop.Turns() - before; turns > 40 {
				t.Errorf("%d rounds in %v with nothing to do", turns, window)
			}
		})
	}
}
