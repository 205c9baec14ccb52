package main

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// fetch asks for one response after another on every kept-alive connection. It reads
// the head and compares the body's first part of each connection's first response.
// After that it discards unread: whole responses when all heads are known to be of one
// length, bodies when they are not.
type fetch struct {
	poll     *poller
	conns    fdTable[fetched]
	fds      []int
	sameHead bool
	size     int64 // the Content-Length that every response must have
	first    int   // connections that have received a body
	idle     int
	phase    phase
	total    progress
	buffer   []byte
}

type fetched struct {
	head    [1024]byte
	headLen int   // of the last response; its first bytes while it is incomplete
	inBody  bool  // the head is complete or need not be read
	left    int64 // bytes until the response ends
	checked int64 // bytes of the first response's body that were compared
	count   int
}

// fetchRequest is about 100 bytes, like the heads of a terse client.
const fetchRequest = "GET /payload HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: relay-bench/1\r\nAccept: */*\r\n\r\n"

func runFetch(j job) (report, error) {
	p, err := newPoller()
	if err != nil {
		return report{}, err
	}
	f := &fetch{poll: p, sameHead: j.SameHead, size: j.Size, buffer: make([]byte, patternBytes)}
	if err := dialAll(j.Target, j.Streams, f.open); err != nil {
		return report{}, err
	}
	w := window{warm: j.Warm, length: j.Window, peer: j.Peer}
	if err := drive(p, &w, f); err != nil {
		return report{}, err
	}
	return report{Total: f.total, Window: w.result()}, nil
}

func (f *fetch) open(fd int) error {
	f.conns.open(fd)
	f.fds = append(f.fds, fd)
	if err := f.poll.add(fd, unix.EPOLLIN); err != nil {
		return err
	}
	return f.next(fd, f.conns.at(fd))
}

func (f *fetch) next(fd int, c *fetched) error {
	c.inBody = f.sameHead && c.count > 0
	if c.inBody {
		c.left = int64(c.headLen) + f.size
	} else {
		c.headLen = 0
	}
	return sendWhole(fd, []byte(fetchRequest))
}

func (f *fetch) begun() bool     { return f.first == len(f.fds) }
func (f *fetch) moved() progress { return f.total }
func (f *fetch) finished() bool  { return f.idle == len(f.fds) }

func (f *fetch) enter(p phase) error {
	f.phase = p
	return nil
}

func (f *fetch) ready(fd int, _ uint32) error {
	c := f.conns.at(fd)
	if !c.inBody {
		return f.readHead(fd, c)
	}
	n, err := f.readBody(fd, c)
	if err != nil || n == blocked {
		return err
	}
	if n == 0 {
		return fmt.Errorf("a connection was closed with %d bytes of a response to come", c.left)
	}
	f.total.Bytes += int64(n)
	c.left -= int64(n)
	if c.left > 0 {
		return nil
	}
	return f.complete(fd, c)
}

func (f *fetch) readBody(fd int, c *fetched) (int, error) {
	want := f.buffer[:min(c.left, int64(len(f.buffer)))]
	if c.count > 0 || c.checked >= checkedBytes {
		return discard(fd, want)
	}
	n, err := receive(fd, want)
	if n > 0 && err == nil {
		err = checkPattern(want[:n], c.checked)
		c.checked += int64(n)
	}
	return n, err
}

// readHead reads a head one response at a time, and what came with it of the body.
func (f *fetch) readHead(fd int, c *fetched) error {
	n, err := receive(fd, c.head[c.headLen:])
	if err != nil || n == blocked {
		return err
	}
	if n == 0 {
		return fmt.Errorf("a connection was closed before response %d", c.count+1)
	}
	f.total.Bytes += int64(n)
	got := c.headLen + n
	c.headLen = got
	end := bytes.Index(c.head[:got], requestEnd)
	if end < 0 {
		if got == len(c.head) {
			return fmt.Errorf("a response head of more than %d bytes", got)
		}
		return nil
	}
	c.headLen = end + len(requestEnd)
	if err := checkHead(c.head[:c.headLen], f.size); err != nil {
		return err
	}
	body := c.head[c.headLen:got]
	if err := checkPattern(body, 0); err != nil {
		return err
	}
	c.inBody, c.checked, c.left = true, int64(len(body)), f.size-int64(len(body))
	if c.count == 0 {
		f.first++
	}
	if c.left == 0 {
		return f.complete(fd, c)
	}
	return nil
}

func (f *fetch) complete(fd int, c *fetched) error {
	c.count++
	f.total.Count++
	if f.phase != draining {
		return f.next(fd, c)
	}
	f.idle++
	if err := checkQuiet(fd); err != nil {
		return err
	}
	return unix.Close(fd)
}

// checkHead says whether a response is a success with a body of size bytes.
func checkHead(head []byte, size int64) error {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("the answer is %q", status)
	}
	for line := range bytes.Lines(fields) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			continue
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
		if err == nil && n != size {
			err = fmt.Errorf("Content-Length is %d, want %d", n, size)
		}
		return err
	}
	return fmt.Errorf("a response without Content-Length")
}
