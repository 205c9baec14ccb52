package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	"relay/relay/probe"
)

// outcome is a worker's answer to a job.
type outcome struct {
	Usage
	Error string `json:",omitempty"`
}

// Work does the jobs that come on in, a JSON object each, and answers each on out,
// until in ends.
func Work(file *os.File, dir string, in io.Reader, out io.Writer) error {
	// What relay sets for one loop (relay/server.go says why).
	runtime.GOMAXPROCS(max(runtime.NumCPU(), 1+2))
	p := place{file: file, dir: dir, mem: probe.FileSystem(dir) == "tmpfs"}
	jobs, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j job
		err := jobs.Decode(&j)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("a job: %w", err)
		}
		var o outcome
		if o.Usage, err = measure(j, p); err != nil {
			o.Error = err.Error()
		}
		if err := answers.Encode(o); err != nil {
			return err
		}
	}
}
