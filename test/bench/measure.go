package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bench is one run of the benchmark. It runs on the main thread throughout; see start.
type bench struct {
	options
	self    string // this program, for its children
	scratch string // removed at the end
	memory  tcpMemory
}

// payloadName is the file that file servers send.
const payloadName = "payload"

// measure runs one workload through one peer. Peer and ends are fresh processes, and
// gone when it returns.
func (b *bench) measure(ctx context.Context, w workload, p peer) (n numbers, foreign float64, err error) {
	m := &measurement{bench: b, work: w, peer: p}
	measuring, err := m.run(ctx)
	if err == nil {
		n, err = w.numbers(measuring, m.proxy != nil)
	}
	m.end()
	if err != nil {
		err = m.explain(err)
	}
	return n, measuring.Window.Foreign, err
}

// measurement is the processes of one measurement.
type measurement struct {
	*bench
	work     workload
	peer     peer
	dir      string
	listener int // the backend's socket; 0 when there is none
	proxy    *process
	front    *process
	back     *process
	backDone *os.File // closed: the backend should report
}

// run returns the report of the end that measures.
func (m *measurement) run(ctx context.Context) (report, error) {
	if err := m.memory.await(ctx); err != nil {
		return report{}, err
	}
	target, err := m.arrange(ctx)
	if err != nil {
		return report{}, err
	}
	peer := 0
	if m.proxy != nil {
		peer = m.proxy.cmd.Process.Pid
	}
	if m.listener != 0 {
		if err := m.startBack(peer); err != nil {
			return report{}, err
		}
	}
	front := m.work.front
	front.Target, front.Peer = target, peer
	if m.front, err = m.startChild(front, nil, nil); err != nil {
		return report{}, err
	}
	return m.collect(ctx)
}

// arrange opens the backend's socket and starts the peer, and returns where the client
// must connect to.
func (m *measurement) arrange(ctx context.Context) (target string, err error) {
	at := place{root: filepath.Join(m.scratch, "files")}
	if m.work.back.Role != "" {
		if m.listener, at.backend, err = listen(); err != nil {
			return "", err
		}
	}
	if m.peer.command == nil {
		return at.backend, nil
	}
	if m.dir, err = os.MkdirTemp(m.scratch, "peer-"); err != nil {
		return "", err
	}
	at.dir = m.dir
	if at.listen, err = freePort(); err != nil {
		return "", err
	}
	cmd, err := m.peer.command(at)
	if err != nil {
		return "", err
	}
	cmd.Dir = at.dir
	if m.proxy, err = start(cmd, m.peer.onParentDeath); err != nil {
		return "", err
	}
	return at.listen, m.awaitPeer(ctx, at.listen)
}

// awaitPeer waits until the peer accepts connections.
func (m *measurement) awaitPeer(ctx context.Context, addr string) error {
	deadline := time.Now().Add(patience)
	for !answers(addr) {
		err := m.proxy.wait(ctx, 5*time.Millisecond)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !m.proxy.alive():
			return fmt.Errorf("%s did not start: %v", m.peer.program, err)
		case time.Now().After(deadline):
			return fmt.Errorf("%s does not accept on %s after %v", m.peer.program, addr, patience)
		}
	}
	return nil
}

func (m *measurement) startBack(peer int) error {
	back := m.work.back
	back.Peer = peer
	socket := os.NewFile(uintptr(m.listener), "listener")
	m.listener = 0
	defer socket.Close()
	input, done, err := os.Pipe()
	if err != nil {
		return err
	}
	defer input.Close()
	m.backDone = done
	m.back, err = m.startChild(back, input, []*os.File{socket})
	return err
}

func (m *measurement) startChild(j job, input *os.File, files []*os.File) (*process, error) {
	j.Warm, j.Window = m.warm, m.window
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(m.self, childArgument, string(text))
	if input != nil {
		cmd.Stdin = input
	}
	cmd.ExtraFiles = files
	return start(cmd, syscall.SIGKILL)
}

// collect waits for both reports and checks them against each other: what one end
// sent, the other must have received.
func (m *measurement) collect(ctx context.Context) (report, error) {
	front, err := readReport(ctx, m.front, m.warm+m.window+3*patience)
	if err != nil {
		if cause := m.backComplaint(ctx); cause != nil {
			err = fmt.Errorf("%w; %w", err, cause)
		}
		return front, err
	}
	if m.proxy != nil && !m.proxy.alive() {
		return front, fmt.Errorf("%s ended during the measurement: %v", m.peer.program, m.proxy.err)
	}
	if m.back == nil {
		return front, nil
	}
	m.backDone.Close()
	back, err := readReport(ctx, m.back, patience)
	if err == nil && front.Total != back.Total {
		err = fmt.Errorf("the client counts %+v, the backend %+v", front.Total, back.Total)
	}
	if m.work.back.Role == roleSink {
		return back, err
	}
	return front, err
}

// backComplaint is what the backend has to say once the client has failed: often the
// cause.
func (m *measurement) backComplaint(ctx context.Context) error {
	if m.back == nil || ctx.Err() != nil {
		return nil
	}
	m.backDone.Close()
	_, err := readReport(ctx, m.back, time.Second)
	return err
}

func readReport(ctx context.Context, p *process, limit time.Duration) (report, error) {
	err := p.wait(ctx, limit)
	if p.alive() {
		return report{}, err
	}
	var r report
	if parseErr := json.Unmarshal(p.stdout.Bytes(), &r); parseErr != nil {
		return r, fmt.Errorf("a load process ended without a report: %v: %s", err, p.complaint())
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, err
}

// end leaves nothing behind.
func (m *measurement) end() {
	for _, p := range []*process{m.front, m.back, m.proxy} {
		if p != nil {
			p.kill()
		}
	}
	if m.backDone != nil {
		m.backDone.Close()
	}
	if m.listener != 0 {
		unix.Close(m.listener)
	}
	if m.dir != "" {
		os.RemoveAll(m.dir)
	}
}

// explain adds what the peer wrote to its error output.
func (m *measurement) explain(err error) error {
	if m.proxy == nil {
		return err
	}
	said := m.proxy.complaint()
	if said == "" {
		return err
	}
	return fmt.Errorf("%w; %s says: %s", err, m.peer.program, said)
}
