package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/transfer"
)

// exitPartly is the exit code of a transfer of which a part was done.
const exitPartly = 3

// partly is an error of some files of several.
type partly struct{ error }

// transferFlags are those that send and get have in common.
type transferFlags struct {
	parallel   int
	rate       string
	tokenFile  string
	digest     string
	durability string
	giveUp     time.Duration
	force      bool
	quiet      bool
	json       bool
	payload    bool // standard output is for what is fetched, and all that is said goes to standard error
}

func addTransferFlags(c *cobra.Command, durability string) *transferFlags {
	f := &transferFlags{}
	l := c.Flags()
	l.IntVarP(&f.parallel, "parallel", "j", 8, "connections at a time")
	l.StringVar(&f.rate, "limit-rate", "0", "most `BYTES` a second, all together, such as 10MiB; 0 = no limit")
	l.StringVar(&f.tokenFile, "token-file", "", "`FILE` that holds the drop's token, instead of the variable RELAY_TOKEN")
	l.StringVar(&f.digest, "digest", transfer.XXH3.String(), "how content is verified: xxh3-128 (damage), sha-256 (tampering, too) or none")
	if durability != "" {
		l.StringVar(&f.durability, "durability", "fsync", durability)
	}
	l.DurationVar(&f.giveUp, "give-up-after", time.Minute, "how long to try again without a byte of progress")
	l.BoolVarP(&f.force, "force", "f", false, "move also what is there already with the same size and time")
	l.BoolVarP(&f.quiet, "quiet", "q", false, "say nothing but what went wrong")
	l.BoolVar(&f.json, "json", false, "print what happens as JSON, an object a line, for programs")
	return f
}

func (f *transferFlags) options() (o transfer.Options, err error) {
	o = transfer.Options{Parallel: f.parallel, GiveUpAfter: f.giveUp, Force: f.force}
	if f.parallel < 1 {
		return o, errors.New("--parallel: at least 1")
	}
	if o.Rate, err = config.ParseSize(f.rate); err != nil {
		return o, fmt.Errorf("--limit-rate: %w", err)
	}
	if o.Digest, err = transfer.ParseDigest(f.digest); err != nil {
		return o, fmt.Errorf("--digest: %w", err)
	}
	switch f.durability {
	case "fsync":
		o.Durable = true
	case "none", "":
	default:
		return o, fmt.Errorf("--durability: %q is neither fsync nor none", f.durability)
	}
	o.Token = strings.TrimSpace(os.Getenv("RELAY_TOKEN"))
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return o, failure{fmt.Errorf("--token-file: %w", err)}
		}
		o.Token = strings.TrimSpace(string(text))
	}
	if strings.ContainsAny(o.Token, "\r\n") {
		return o, errors.New("the token has a line break in it; the file is to hold the token and nothing else")
	}
	return o, nil
}

// perform runs a transfer until it is done or interrupted, and shows how it goes.
func (f *transferFlags) perform(c *cobra.Command, o transfer.Options, work func(context.Context, *transfer.Run) error) error {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := newShow(f, c)
	o.Tell = s.tell
	r := transfer.NewRun(o)
	s.begin(r)
	err := work(ctx, r)
	s.end(err)
	switch {
	case err == nil:
		return nil
	case f.json && f.payload: // told in the summary, among lines that programs read
		return failure{}
	case r.FilesDone.Load() > r.FilesFailed.Load():
		return failure{partly{err}}
	}
	return failure{err}
}
