// Command transfer measures moving files to a drop beside other programs that do so: one
// large file and many small ones, by relay send and curl to relay, by rsync -W to an rsync
// daemon, by scp, and by curl to nginx with DAV; each with both ends on this machine, with
// the receiver syncing what it takes (nginx and scp cannot) and without.
//
//	go run ./test/bench/transfer [-size 1000000000] [-files 5000] [-rounds 3]
//
// It needs bin/relay (make build), curl, rsync, nginx and openssh; a program that is missing is
// left out, and named. The rounds are interleaved; the figures are medians. CPU of the
// receiver is that of its process and children while they live, read from /proc; the
// daemons of rsync and ssh serve from children that are gone by then, so theirs is not.
package main
