package test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A relay starts this test program as its successor, when the test has put it where the
// relay's own was. It speaks the hand-over as far as a test wants, and then fails.

const (
	// successorAct is the variable that says how the successor fails.
	successorAct = "RELAY_TEST_SUCCESSOR"
	handoverEnd  = "RELAY_HANDOVER"
)

// The ways in which a successor fails.
const (
	actExit       = "exits at once"
	actVersion    = "speaks another version"
	actNonsense   = "answers nonsense"
	actUnready    = "is killed before it is ready"
	actReady      = "is killed when it is ready"
	actUntaken    = "is killed before it accepts"
	actTaken      = "is killed when it accepts"
	actHolds      = "is killed with a batch in its hands"
	actRefuses    = "says no"
	actRefusesOne = "says no to a batch"
)

var acts = []string{actExit, actVersion, actNonsense, actUnready, actReady, actUntaken, actTaken, actHolds, actRefuses, actRefusesOne}

// Numbers of messages, as on the wire.
const (
	messageReady = 3
	messageNo    = 4
	messageTaken = 6
)

// succeedBadly is the program of a successor.
func succeedBadly() {
	act := os.Getenv(successorAct)
	if act == actExit {
		os.Exit(3)
	}
	f := os.NewFile(3, "handover")
	c, err := net.FileConn(f)
	if err != nil {
		panic(err)
	}
	s := &badSuccessor{c.(*net.UnixConn), act}
	if err := s.run(); err != nil {
		fmt.Fprintf(os.Stderr, `{"level":"info","message":"successor","error":%q}`+"\n", err.Error())
	}
	s.die()
}

type badSuccessor struct {
	conn *net.UnixConn
	act  string
}

func (s *badSuccessor) die() {
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	select {}
}

func (s *badSuccessor) at(act string) {
	if s.act == act {
		s.die()
	}
}

func (s *badSuccessor) run() error {
	_, text, err := s.receive() // hello
	if err != nil {
		return err
	}
	var h struct{ Sockets int }
	if err := json.Unmarshal(text, &h); err != nil {
		return err
	}
	for got := 0; got < h.Sockets; {
		n, _, err := s.receive()
		if err != nil {
			return err
		}
		got += n
	}
	switch s.act {
	case actVersion:
		return s.send(99, messageNo, `{"Why":"this is version 99"}`)
	case actRefuses:
		return s.send(1, messageNo, `{"Why":"not today"}`)
	case actNonsense:
		return s.send(1, 77, `[]`)
	}
	s.at(actUnready)
	if err := s.send(1, messageReady, `{"Program":"fake","Listeners":["web"],"Upstreams":["web"]}`); err != nil {
		return err
	}
	s.at(actReady)
	if _, _, err := s.receive(); err != nil { // take
		return err
	}
	s.at(actUntaken)
	if err := s.send(1, messageTaken, ""); err != nil {
		return err
	}
	s.at(actTaken)
	if _, _, err := s.receive(); err != nil { // batch
		return err
	}
	s.at(actHolds)
	if err := s.send(1, messageNo, `{"Why":"not this one"}`); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, s.conn) // until the old process ends it
	return err
}

func (s *badSuccessor) send(version, kind byte, text string) error {
	head := []byte{version, kind, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	_, err := io.Copy(s.conn, io.MultiReader(strings.NewReader(string(head)), strings.NewReader(text)))
	return err
}

// receive is the number of descriptors of a message, and its text. The descriptors are
// kept open, as a process would that is about to use them.
func (s *badSuccessor) receive() (descriptors int, text []byte, err error) {
	var head [8]byte
	rights := make([]byte, 4096)
	if n, _, _, _, err := s.conn.ReadMsgUnix(head[:], rights); err != nil || n < len(head) {
		return 0, nil, fmt.Errorf("%d bytes: %w", n, err)
	}
	text = make([]byte, binary.BigEndian.Uint32(head[4:]))
	_, err = io.ReadFull(s.conn, text)
	return int(binary.BigEndian.Uint16(head[2:])), text, err
}
