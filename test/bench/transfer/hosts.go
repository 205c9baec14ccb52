package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Three hosts in a row, A to B to C: network namespaces, with a link between each and the next
// that takes so much a second in either direction. They share this machine's processors and
// disk, as hosts do not.
const (
	hostA    = "relay-bench-a"
	hostB    = "relay-bench-b"
	hostC    = "relay-bench-c"
	addressB = "10.77.1.2"
	addressC = "10.77.2.2"
	linkRate = "2gbit"
)

// errUnwanted is why there are none when nothing is measured on them.
var errUnwanted = errors.New("no hosts are wanted")

// joinHosts makes them.
func joinHosts() error {
	if os.Getuid() != 0 {
		return errors.New("network namespaces need root")
	}
	partHosts() // what a benchmark that was killed has left
	for _, host := range []string{hostA, hostB, hostC} {
		if err := ip("netns add " + host); err != nil {
			return err
		}
	}
	err := link(hostA, hostB, "10.77.1.1", addressB)
	if err == nil {
		err = link(hostB, hostC, "10.77.2.1", addressC)
	}
	if err != nil {
		partHosts()
	}
	return err
}

// partHosts removes them, as far as they are there.
func partHosts() {
	for _, host := range []string{hostA, hostB, hostC} {
		_ = ip("netns del " + host)
	}
}

// link joins two hosts. The device to the other one has its name's last letter.
func link(host, other, address, otherAddress string) error {
	device, back := "to"+other[len(other)-1:], "to"+host[len(host)-1:]
	if err := ip(fmt.Sprintf("link add %s netns %s type veth peer name %s netns %s", device, host, back, other)); err != nil {
		return err
	}
	for _, end := range [][3]string{{host, device, address}, {other, back, otherAddress}} {
		in := "-n " + end[0]
		for _, command := range []string{
			in + " addr add " + end[2] + "/24 dev " + end[1],
			in + " link set " + end[1] + " up",
			"netns exec " + end[0] + " tc qdisc add dev " + end[1] + " root tbf rate " + linkRate + " burst 1mb latency 50ms",
		} {
			if err := ip(command); err != nil {
				return err
			}
		}
	}
	return nil
}

func ip(args string) error {
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}

// onHost is a command that runs on one of them.
func onHost(host string, command ...string) []string {
	return append([]string{"ip", "netns", "exec", host}, command...)
}
