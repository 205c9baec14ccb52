package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// way is one program that sends, with the receivers that it sends to.
type way struct {
	work    string
	name    string
	command string   // of a shell; NAME is a name that nobody had
	arrive  []string // files that are waited for, if that is not the command's to do
	servers []*server
}

// What is done, as it stands in the report.
const (
	largeSynced = "large, synced"
	large       = "large, not synced"
	smallSynced = "small, synced"
	small       = "small, not synced"
	hops        = "hops, synced"
	slowHops    = "hops, synced, held to " + slowRate + "/s"
	hostHops    = "hops, synced, between hosts, links of " + linkRate
	smallHops   = "hops, small, synced"

	smallUnsyncedHops = "hops, small, not synced"

	slowRate = "400MB"
)

// The ways, as they stand in the report.
const (
	relaySend    = "relay send"
	relayNoSum   = "relay send --digest none"
	curlToRelay  = "curl -T to relay, no digest"
	rsyncWhole   = "rsync -W"
	curlToNginx  = "curl -T to nginx DAV"
	secureCopy   = "scp"
	oneHop       = "one hop"
	twoHops      = "two hops"
	thenSync     = ", then sync(1)"
	curlUpload   = "curl -sfT "
	localAddress = "http://127.0.0.1:"
)

// ways are all that the programs found here allow.
func ways(dir string, s map[string]*server, skipped *[]string) (all []*way) {
	p := plan{dir: dir, servers: s}
	for _, program := range []string{"curl", "rsync", "scp"} {
		if _, err := exec.LookPath(program); err != nil {
			*skipped = append(*skipped, err.Error())
			p.lacks = append(p.lacks, program)
		}
	}
	for _, name := range serverNames {
		if s[name] == nil {
			*skipped = append(*skipped, name+" does not serve")
		}
	}
	p.toRelay(largeSynced, smallSynced, relaySynced, " --fsync ", "")
	p.toOthers(largeSynced, smallSynced, true)
	p.toRelay(large, small, relayUnsynced, " ", "")
	p.toOthers(large, small, false)
	p.hops(hops, "")
	p.hops(slowHops, " --limit-rate "+slowRate)
	p.hostHops()
	p.smallHops(smallHops, hopPort, farPort, "far")
	p.smallHops(smallUnsyncedHops, hopUnsynced, farUnsynced, "far2")
	return p.all
}

// plan collects ways.
type plan struct {
	dir     string
	servers map[string]*server
	lacks   []string
	all     []*way
}

// add adds a way unless a program for it is missing.
func (p *plan) add(work, name, command string, arrive []string, servers ...string) {
	w := &way{work: work, name: name, command: command, arrive: arrive}
	for _, s := range servers {
		if p.servers[s] == nil {
			return
		}
		w.servers = append(w.servers, p.servers[s])
	}
	for _, program := range p.lacks {
		if strings.Contains(" "+command, " "+program+" ") {
			return
		}
	}
	p.all = append(p.all, w)
}

func (p *plan) toRelay(largeWork, smallWork, port, rsync, flags string) {
	big, little, send := p.dir+"/big", p.dir+"/small", *relay+" send -qf --state "+p.dir+"/state "+flags
	to := " " + localAddress + port + "/"
	p.add(largeWork, relaySend, send+big+to, nil, "relay")
	p.add(largeWork, relayNoSum, send+"--digest none "+big+to, nil, "relay")
	p.add(largeWork, curlToRelay, curlUpload+big+to, nil, "relay")
	p.add(largeWork, rsyncWhole, "rsync -W"+rsync+big+" rsync://127.0.0.1:"+rsyncPort+"/m/", nil, "rsync")
	p.add(smallWork, relaySend, send+"-r "+little+to, nil, "relay")
	p.add(smallWork, curlToRelay, p.curlAll(port), nil, "relay")
	p.add(smallWork, rsyncWhole, "rsync -rtW"+rsync+little+" rsync://127.0.0.1:"+rsyncPort+"/m/", nil, "rsync")
}

// curlAll has one curl put all small files, over one connection.
func (p *plan) curlAll(port string) string {
	return "cd " + p.dir + "/small && ls | sed 's|.*|upload-file = &\\nurl = " + localAddress + port + "/small/&|' | curl -sf -K -"
}

// toOthers adds the programs that sync nothing by themselves.
func (p *plan) toOthers(largeWork, smallWork string, synced bool) {
	scp := "scp -q -P " + sshPort + " -i " + p.dir + "/client -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
	add := func(work, name, command, files, server string) {
		if synced {
			name += thenSync
			command += fmt.Sprintf(" && cd %s/%s && find %s -type f -exec sync {} + && sync .", p.dir, server, files)
		}
		p.add(work, name, command, nil, server)
	}
	add(largeWork, curlToNginx, curlUpload+p.dir+"/big "+localAddress+nginxPort+"/", "big", "nginx")
	add(largeWork, secureCopy, scp+p.dir+"/big 127.0.0.1:"+p.dir+"/scp/", "big", "scp")
	add(smallWork, curlToNginx, p.curlAll(nginxPort), "small", "nginx")
	add(smallWork, secureCopy+" -r", scp+"-r "+p.dir+"/small 127.0.0.1:"+p.dir+"/scp/", "small", "scp")
}

// hops adds one hop, and the same with another drop in between.
func (p *plan) hops(work, flags string) {
	send := *relay + " send -qf --state " + p.dir + "/state" + flags + " " + p.dir + "/big " + localAddress
	p.add(work, oneHop, send+farPort+"/NAME", nil, "far")
	p.add(work, twoHops, send+hopPort+"/NAME", []string{p.dir + "/far/NAME"}, "hop", "far")
}

// hostHops does that between hosts of their own.
func (p *plan) hostHops() {
	send := strings.Join(onHost(hostA, *relay), " ") + " send -qf --state " + p.dir + "/state " + p.dir + "/big http://" + addressB + ":"
	p.add(hostHops, oneHop, send+farPort+"/NAME", nil, hostB)
	p.add(hostHops, twoHops, send+hopPort+"/NAME", []string{p.dir + "/away/NAME"}, hostB, hostC)
}

// smallHops does that with the small files.
func (p *plan) smallHops(work, hop, far, directory string) {
	send := *relay + " send -rqf --state " + p.dir + "/state " + p.dir + "/small/ " + localAddress
	var all []string
	for i := range *files {
		all = append(all, fmt.Sprintf("%s/%s/NAME/%s", p.dir, directory, smallName(i)))
	}
	p.add(work, oneHop, send+far+"/NAME/", nil, "far")
	p.add(work, twoHops, send+hop+"/NAME/", all, "hop", "far")
}
