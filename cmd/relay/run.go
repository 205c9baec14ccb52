package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay"
	"relay/relay/handover"
	"relay/relay/systemd"
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Serve what the configuration says until SIGTERM or SIGINT",
		Long: `Serve what the configuration says.

SIGHUP reads the configuration again: what changed in it takes effect, and running
sessions go on. A file with mistakes changes nothing.

SIGUSR2 starts the program that is on disk by then and hands listeners and live sessions
over to it. If it does not come up, nothing has changed.

SIGTERM or SIGINT drains: nothing new is accepted, and what runs may finish for
drain_timeout. A second signal ends it at once.`,
		Args: onlyFlags,
	}
	file := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		given, err := systemd.Take()
		if err != nil {
			return failure{err}
		}
		before, err := handover.Inherited()
		if err != nil {
			return failure{err}
		}
		loaded, err := config.Load(*file)
		if err != nil {
			if before != nil {
				before.Refuse(err) // whose log says it
				err = nil
			}
			return failure{err}
		}
		return run(c.Context(), loaded, given, before)
	}
	return c
}

func run(ctx context.Context, c *config.Config, given systemd.Given, before *handover.Predecessor) error {
	// Splicing into a connection that is gone raises it, and so does a log whose reader
	// has died: neither is a reason to end.
	signal.Ignore(syscall.SIGPIPE)
	log, flush := relay.NewLog(c.Log, os.Stderr)
	defer flush()
	ctx, kill := signals(ctx)
	hangups := make(chan os.Signal, 1) // those that come during a reload are one more after it
	signal.Notify(hangups, syscall.SIGHUP)
	upgrades := make(chan os.Signal, 1)
	signal.Notify(upgrades, syscall.SIGUSR2)
	s, err := relay.New(c, log, version, given, before)
	if err == nil {
		go reloadAt(hangups, s) // lives as long as the process
		go upgradeAt(upgrades, s)
		err = s.Run(ctx, kill)
	}
	switch {
	case err != nil && before != nil:
		log.Error().Str("error", err.Error()).Msg("ended") // among the lines of the process before
		return failure{}
	case err != nil:
		return failure{err}
	}
	return nil
}

// signals ends the context at the first SIGTERM or SIGINT and closes kill at the
// second.
func signals(parent context.Context) (context.Context, <-chan struct{}) {
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithCancel(parent)
	kill := make(chan struct{})
	got := make(chan os.Signal, 2)
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT)
	go func() { // lives as long as the process
		<-got
		cancel()
		<-got
		close(kill)
	}()
	return ctx, kill
}

func reloadAt(hangups <-chan os.Signal, s *relay.Server) {
	for range hangups {
		s.Reload()
	}
}

// upgradeAt does not wait for one upgrade to begin the next, so that this is refused at
// once.
func upgradeAt(signals <-chan os.Signal, s *relay.Server) {
	for range signals {
		go s.Upgrade()
	}
}
