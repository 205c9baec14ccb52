package drop

import (
	"net/http"
	"net/netip"

	"relay/relay/drop/token"
	"relay/relay/flow"
	"relay/relay/loop"
)

// Conn is one client's connection. Its memory is reused by a later one as soon as it is
// closed. Between two requests it holds plain values only.
type Conn struct {
	id     uint64
	in     *Conns
	counts *Tally
	drop   *Drop
	end    flow.End
	token  loop.Token
	timer  loop.Timer
	client netip.AddrPort // kept from accept: the log needs it when the socket is gone

	active   int64  // when a byte last moved; as all times here, in nanoseconds of loop.Clock
	deadline int64  // of a head or a linger under way
	doubt    int64  // when to ask whether the socket can hold more of the head
	early    []byte // of an incomplete head: what had to be taken out of a full socket
	seen     int32  // bytes of an incomplete head when last looked at
	state    state
	owes     bool   // a PROXY header, before anything else
	used     bool   // one request has been answered
	closing  bool   // the connection ends with this response
	queued   bool   // for a long turn
	next     bool   // the next request is here, or begins to be
	held     uint8  // answers that wait in the socket for the next one
	rude     bool   // there is input that will not be read: linger, or it costs the client the answer
	leaving  Reason // why the connection is finished, when that must wait for a worker
	drained  int64  // bytes thrown away while lingering

	request exchange
	flow    flow.Flow
	file    flow.File
	size    int64   // of the file, as it was opened
	listing int64   // bytes taken from the drop's allowance for listings
	up      *upload // the file or the message that arrives; nil = none

	older, newer *Conn // the connections of this loop
}

// exchange is the request under way, and what is said of it in the log.
type exchange struct {
	began  int64 // when its first byte was seen; 0 = none is under way
	head   *http.Request
	grant  token.Grant // what the client may do
	method string
	path   string // as it was sent, without the query
	body   bool   // the client announced one
	sized  bool   // and said how long it is, be it 0 bytes
	keep   bool   // it wants to go on with this connection
	got    uint64 // bytes of the body that were taken
	status int
	before uint64 // bytes of the response's head
	length uint64 // bytes of the response's body that come from a file
	told   uint64 // bytes of the body that have been counted
	why    Reason
	file   bool // the body is a file
}

// idleFile is a file that is not there.
var idleFile = flow.File{FD: -1}
