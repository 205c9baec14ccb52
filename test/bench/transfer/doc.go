// Command transfer measures moving files to a drop beside other programs that do so, with
// both ends on this machine. `make bench` runs it; by itself:
//
//	go run ./test/bench/transfer [-size 4000000000] [-files 10000] [-rounds 3] [-only REGEXP]
//
// What is sent is one large file, and many of 4 KiB; by relay send and curl to relay, by
// rsync -W to an rsync daemon, by scp, and by curl to nginx with DAV. Each with the same
// durability: synced, where relay and rsync (--fsync) sync what they take, and sync(1) does
// it after programs that cannot; and not synced. Two hops are relay send to a drop that
// forwards to another, until the file is there; one hop is relay send to that one. Beside
// full speed, where all three share this machine's processors, they are measured with the
// sender held to a rate, as by a network; between network namespaces with links of a rate, as
// between hosts, which needs root; and with the small files, until all are there.
//
// It needs bin/relay (make build), curl, rsync, nginx and openssh; a program that is missing is
// left out, and named. Everybody takes a turn in a round, and who begins rotates. The figures are
// medians over the rounds, with the lowest and the highest; ratios are formed within a
// round.
//
// Before each run what was received before is removed, the disk has all that is written,
// and free memory was touched (memory.go).
//
// CPU is run time as the scheduler counts it. A receiver's is that of its process and all
// that it has started (/proc/PID/task/*/schedstat; of children that have ended, what
// /proc/PID/stat has of them, in hundredths of a second). A sender's is what wait4(2) tells:
// its two parts are estimates, but their sum is exact. "Others" is what everything else took
// of the CPUs meanwhile, the kernel's writing to the disk included.
//
// main.go runs the rounds, ways.go is what is measured, report.go what is promised.
package main
