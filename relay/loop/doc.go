// Package loop is the event loop: one epoll instance, one thread, and everything
// that waits on them.
//
// A loop owns what is registered with it outright. Whoever registers a descriptor
// gives an Owner, which is told what happened to it on the loop's thread, so that
// nothing an owner touches needs a lock. Others reach a loop with Post.
//
// One round of Run is: wait, dispatch events, take up unfinished turns (Again), fire
// timers, run what was posted, and only then free the slots of ends that were closed
// meanwhile.
//
// epoll's user data is a Token, slot and generation: an event that was already
// fetched when its descriptor was closed carries an old generation and is dropped,
// whatever descriptor number the kernel has handed out again since. (A pointer or a
// bare descriptor there is the classic way to deliver one connection's event to
// another.)
//
// Level-triggered, always, with exact interest: an owner asks for what it can act on
// and for nothing else. Edge-triggered cost the same and stalled for good as soon as
// a bounded turn stopped early.
//
// The package knows no session, no flow and no log. Start with loop.go.
package loop
