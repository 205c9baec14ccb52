// Package upstream holds the pools of backends: which there are, how loaded each is,
// and which one the next session goes to.
//
// It is pure logic, safe for use by every loop at once: what is counted once a session
// (a backend's load) is shared under short locks, and bytes never come here. What is
// configured is an immutable snapshot; what runs (load, and later health) is kept in
// Backend, found again by address when a new snapshot comes.
//
// It must never know of epoll, descriptors or flows. Start with upstream.go;
// roundrobin.go is the algorithm.
package upstream
