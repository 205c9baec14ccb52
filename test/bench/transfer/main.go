package main

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

var (
	size   = flag.Int64("size", 1_000_000_000, "bytes of the large file")
	files  = flag.Int("files", 5000, "number of small files, of 4 KiB each")
	rounds = flag.Int("rounds", 3, "times each, interleaved")
	relay  = flag.String("relay", "bin/relay", "the program")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "relay-transfer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *relay, err = filepath.Abs(*relay); err != nil {
		return err
	}
	if err := prepare(dir); err != nil {
		return err
	}
	servers, err := start(dir)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	if err != nil {
		return err
	}
	all := ways(dir, servers)
	for range *rounds {
		for _, w := range all {
			if err := w.measure(dir); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	fmt.Println("| what | wall s (lowest–highest) | sender CPU s | receiver CPU s |\n| --- | --- | --- | --- |")
	for _, w := range all {
		walls := column(w.runs, func(f figures) float64 { return f.wall })
		fmt.Printf("| %s | %.2f (%.2f–%.2f) | %.2f | %.2f |\n", w.name, median(walls), slices.Min(walls), slices.Max(walls),
			median(column(w.runs, func(f figures) float64 { return f.sender })), median(column(w.runs, func(f figures) float64 { return f.receiver })))
	}
	return nil
}

// prepare writes what is sent, and the directories it goes to.
func prepare(dir string) error {
	const mode, piece, small = 0o755, 1 << 20, 4096
	random := rand.NewChaCha8([32]byte{1})
	for _, d := range []string{"small", "relay", "nginx", "rsync", "scp"} {
		if err := os.Mkdir(filepath.Join(dir, d), mode); err != nil {
			return err
		}
	}
	big, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		return err
	}
	defer big.Close()
	buf := make([]byte, piece)
	for left := *size; left > 0; left -= piece {
		_, _ = random.Read(buf) // never fails
		if _, err := big.Write(buf[:min(left, piece)]); err != nil {
			return err
		}
	}
	for i := range *files {
		_, _ = random.Read(buf[:small])
		if err := os.WriteFile(filepath.Join(dir, "small", fmt.Sprintf("f%06d", i)), buf[:small], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// figures are those of one run, in seconds.
type figures struct{ wall, sender, receiver float64 }

// way is one program that sends.
type way struct {
	name    string
	server  *server
	command string
	runs    []figures
}

// measure clears what was received before, and runs the way once.
func (w *way) measure(dir string) error {
	for _, d := range []string{"relay", "nginx", "rsync", "scp"} {
		entries, err := os.ReadDir(filepath.Join(dir, d))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				if err := os.RemoveAll(filepath.Join(dir, d, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	syscall.Sync()
	c := exec.Command("sh", "-c", w.command)
	before, began := w.server.cpu(), time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	w.runs = append(w.runs, figures{
		time.Since(began).Seconds(), (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(),
		(w.server.cpu() - before).Seconds(),
	})
	return nil
}

// ways are all that the programs found here allow.
func ways(dir string, s map[string]*server) (all []*way) {
	add := func(server, name, command string) {
		if s[server] != nil {
			all = append(all, &way{name: name, server: s[server], command: command})
		}
	}
	big, small, state := dir+"/big", dir+"/small", " --state "+dir+"/state "
	for _, d := range []struct{ name, port, rsync string }{{"synced", relaySynced, " --fsync "}, {"not synced", relayUnsynced, " "}} {
		to := " http://127.0.0.1:" + d.port + "/"
		add("relay", "large, "+d.name+": relay send", *relay+" send -qf"+state+big+to)
		add("relay", "large, "+d.name+": relay send, no digest", *relay+" send -qf --digest none"+state+big+to)
		add("relay", "large, "+d.name+": curl to relay", "curl -sfT "+big+to)
		add("rsync", "large, "+d.name+": rsync -W", "rsync -W"+d.rsync+big+" rsync://127.0.0.1:"+rsyncPort+"/m/")
		add("relay", "small, "+d.name+": relay send", *relay+" send -qfr"+state+small+to)
		add("rsync", "small, "+d.name+": rsync -W", "rsync -rtW"+d.rsync+small+" rsync://127.0.0.1:"+rsyncPort+"/m/")
	}
	scp := "scp -q -P " + sshPort + " -i " + dir + "/client -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
	add("scp", "large, not synced: scp", scp+big+" 127.0.0.1:"+dir+"/scp/")
	add("scp", "small, not synced: scp -r", scp+"-r "+small+" 127.0.0.1:"+dir+"/scp/")
	add("nginx", "large, not synced: curl to nginx DAV", "curl -sfT "+big+" http://127.0.0.1:"+nginxPort+"/")
	add("nginx", "small, not synced: curl to nginx DAV", "cd "+small+" && ls | sed 's|.*|-T &\\nurl = http://127.0.0.1:"+nginxPort+"/small/&|;s|^-T |upload-file = |' | curl -sf -K -")
	return all
}

func column(all []figures, of func(figures) float64) []float64 {
	var list []float64
	for _, f := range all {
		list = append(list, of(f))
	}
	return list
}

func median(all []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare[float64])
	return sorted[len(sorted)/2]
}
