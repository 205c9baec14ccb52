package drop

import (
	"relay/relay/drop/digest"
	"relay/relay/drop/store"
	"relay/relay/sock"
)

// A reader that asks for a digest (Want-Repr-Digest) gets that of the whole file: what
// was noted when it arrived, or else what a worker finds by reading it. A drop that may
// write notes that too.

// wantsDigest is the algorithm that the request asks for.
func (c *Conn) wantsDigest() digest.Algorithm {
	fields := c.request.head.Header["Want-Repr-Digest"]
	if len(fields) == 0 {
		return digest.None
	}
	return digest.Wanted(fields)
}

// serveDigested serves a file once its digest is known.
func (c *Conn) serveDigested(n name, f found, by digest.Algorithm) {
	note := c.drop.limits.Write
	c.setState(opening)
	c.in.loop.Ask(c.token, 0)
	c.in.workers.Hashing.Do(c.in.loop, func() {
		f.digest = reprDigest(f, by, note)
	}, func() {
		if c.state == leaving {
			sock.Close(f.fd)
			c.close(c.leaving)
			return
		}
		c.serve(n, f)
	})
}

// reprDigest finds a digest, as the field has it; "" if the file cannot be read.
func reprDigest(f found, by digest.Algorithm, note bool) string {
	info := sock.FileInfo{Size: f.size, Sec: f.sec, Nsec: f.nsec}
	noted := store.Digests(f.fd, info)
	known, _ := digest.Parse([]string{noted})
	for _, s := range known {
		if s.By == by {
			return s.String()
		}
	}
	sums, err := newTrail(by).end(f.fd, f.size)
	if err != nil {
		return ""
	}
	if now, errno := sock.Info(f.fd, false); errno != 0 || now.Size != f.size || now.Sec != f.sec || now.Nsec != f.nsec {
		return "" // it is being changed
	}
	if note {
		store.KeepDigests(f.fd, info, digest.Join(append(known, sums...)))
	}
	return sums[0].String()
}
