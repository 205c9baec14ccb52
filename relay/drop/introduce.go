package drop

import (
	"relay/relay/flow"
	"relay/relay/listen"
	"relay/relay/loop"
	"relay/relay/sock"
)

// owesHeader reports that the peer must say by a PROXY header who its client is.
func (d *Drop) owesHeader(a listen.Conn) bool {
	return a.Kind == flow.TCP && d.Service.SendsHeader(a.Client)
}

// introduce takes that header off and goes on with the client it names. false says that
// it is not all there yet, or that the connection is finished for want of a good one.
func (c *Conn) introduce() bool {
	o, err := listen.TakeHeader(c.end.FD, c.in.input)
	if errno, failed := err.(sock.Errno); failed {
		c.end.Err = errno
		c.finish(ClientReset)
		return false
	}
	c.begins()
	switch err {
	case nil:
		return c.introduced(o)
	case listen.ErrIncomplete:
		if c.state == idle {
			c.setState(heading)
			if c.ask(loop.In | loop.Edge) {
				c.rearm()
			}
		}
	default:
		c.finish(BadProxyHeader)
	}
	return false
}

func (c *Conn) introduced(o listen.Origin) bool {
	if o.Source.IsValid() {
		c.client = o.Source
	}
	if !c.drop.Service.EnterSource(c.client) {
		c.finish(Reason(listen.SourceLimit))
		return false
	}
	c.owes = false
	return true
}
