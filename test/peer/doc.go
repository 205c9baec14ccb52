// Package peer plays the clients and backends of the black-box suites.
//
// A Conn is a stream socket with everything a hostile or unlucky program can do
// to it: reset, half-close, urgent data, a look at its queues. A Flow is one
// direction of bytes between two of them: it writes a pseudo-random stream in
// chunks of a given spread and checks every byte at the other end, so that a lost,
// doubled, foreign or displaced byte is found where it happens. A Server hands the
// connections it accepts to the test.
//
// Nothing here fails a test by itself; errors say what was seen and the test
// judges. Payload is moved by plain read and write, never by io.Copy, which would
// splice.
package peer
