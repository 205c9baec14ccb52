package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// document is what is read of relay bench --json.
type document struct {
	Version string    `json:"version"`
	Date    time.Time `json:"date"`
	Machine struct {
		CPU       string `json:"cpu"`
		CPUs      int    `json:"cpus"`
		MemoryMiB uint64 `json:"memory_mib"`
	} `json:"machine"`
	Kernel struct {
		Kernel    string
		FilePages string
	} `json:"kernel"`
	FS     string `json:"file_system"`
	Rounds int    `json:"rounds"`
	Base   struct {
		Bytes   int64 `json:"bytes"`
		Chunk   int   `json:"chunk"`
		Streams int   `json:"streams"`
	} `json:"base"`
	Results []result `json:"results"`
	Article []struct {
		Bytes      int64    `json:"bytes"`
		Copy       float64  `json:"article_read_write_ms"`
		Transfer   float64  `json:"article_transfer_to_ms"`
		HereCopy   *float64 `json:"here_read_write_ms"`
		HereSend   *float64 `json:"here_sendfile_ms"`
		HereSplice *float64 `json:"here_splice_ms"`
	} `json:"article"`
	Says []string `json:"sentences"`
}

type result struct {
	Path    string `json:"path"`
	Method  string `json:"method"`
	Label   string `json:"label"`
	Bytes   int64  `json:"bytes"`
	Chunk   int    `json:"chunk"`
	Streams int    `json:"streams"`
	Wall    spread `json:"wall_ms"`
	Rate    spread `json:"gb_per_s"`
	CPU     spread `json:"cpu_ms_per_gb"`
	Calls   spread `json:"syscalls_per_gb"`
	Faults  spread `json:"page_faults_per_gb"`
	Ratio   spread `json:"cpu_to_baseline"`
	Elapsed spread `json:"wall_to_baseline"`
}

type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// reading is one measurement: elapsed ms, and ms of CPU per GB.
type reading struct{ wall, cpu float64 }

// bench runs `relay bench` with further arguments.
func bench(relay string, args ...string) (*document, error) {
	cmd := exec.Command(relay, append([]string{"bench", "--json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	d := new(document)
	if err := json.Unmarshal(out, d); err != nil {
		return nil, fmt.Errorf("what relay bench printed: %w", err)
	}
	return d, nil
}

// startSink runs the sink that relay and the loop share; the caller ends it.
func startSink(relay string) (at string, end func(), err error) {
	cmd := exec.Command(relay, "bench", "--sink=127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	end = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	at, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		end()
		return "", nil, errors.New("the sink did not start")
	}
	return strings.TrimSpace(at), end, nil
}

// find is the only result of a method.
func (d *document) find(method string) (reading, error) {
	for _, r := range d.Results {
		if r.Method == method {
			return reading{r.Wall.Median, r.CPU.Median}, nil
		}
	}
	return reading{}, fmt.Errorf("relay bench has nothing of %s", method)
}
