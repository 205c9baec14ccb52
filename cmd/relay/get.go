package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"relay/relay/transfer"
)

func getCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "get URL... [DIR]",
		Short: "Fetch files and trees from a drop",
		Long: `Fetch files and trees from a drop into DIR, or into the current directory.

http://host:9000/name becomes DIR/name, be it a file or a directory with all that is
below it; what is in http://host:9000/name/ goes straight into DIR. Times and modes come
along. A file is seen under its name when it is whole, verified by the drop's digest
where it has one, and on the disk; until then it grows under a hidden name beside it.

A connection that breaks is made anew and the file goes on where it broke; so it does
when the command is given again. What is there already with the same size and time is
not fetched again.

Exit codes: 0 all is there, 1 it is not, 2 wrong usage, 3 some of it is.`,
		Example: `  relay get http://10.0.0.2:9000/disk.img
  relay get -j 8 http://10.0.0.2:9000/photos/ ./photos
  RELAY_TOKEN=… relay get --json http://10.0.0.2:9000/in/report.pdf /srv/reports`,
		Args: cobra.MinimumNArgs(1),
	}
	f := addTransferFlags(c, "fsync: a file is done when it would outlive a loss of power; none: when it is there")
	c.RunE = func(c *cobra.Command, args []string) error {
		dir := "."
		if last := args[len(args)-1]; !transfer.IsURL(last) {
			dir, args = last, args[:len(args)-1]
		}
		switch info, err := os.Stat(dir); {
		case dir == "-":
			return errors.New("relay get: files are written into a directory, not to standard output; for that there is curl")
		case err == nil && !info.IsDir():
			return fmt.Errorf("relay get: %s is a file; the last word is the directory that files go into", dir)
		}
		if len(args) == 0 {
			return errors.New("relay get: a URL is needed, such as http://host:9000/name")
		}
		for _, u := range args {
			if _, err := transfer.ParseURL(u); err != nil {
				return err
			}
		}
		o, err := f.options()
		if err != nil {
			return err
		}
		return f.perform(c, o, func(ctx context.Context, r *transfer.Run) error { return r.Get(ctx, args, dir) })
	}
	return c
}
