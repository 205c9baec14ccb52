package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/transfer"
)

func getCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "get URL... [DIR | -o FILE]",
		Short: "Fetch files and trees from a drop",
		Long: `Fetch files and trees from a drop into DIR, or into the current directory.

http://host:9000/name becomes DIR/name, be it a file or a directory with all that is
below it; what is in http://host:9000/name/ goes straight into DIR. Times and modes come
along. A file is seen under its name when it is whole, verified by the drop's digest
where it has one, and on the disk; until then it grows under a hidden name beside it.

A connection that breaks is made anew and the file goes on where it broke; so it does
when the command is given again. What is there already with the same size and time is
not fetched again.

With -o a single file gets the name FILE. "-o -" writes it to standard output, and nothing
else: all that is said goes to standard error. A connection that breaks is made anew there,
too, and the file goes on where it broke; but what was written cannot be taken back, and
whether it is whole and verified only the exit code tells, at the end (pipefail, in a shell).
Into a FILE that is a device or a pipe it is written the same way.

Exit codes: 0 all is there, 1 it is not, 2 wrong usage, 3 some of it is.`,
		Example: `  relay get http://10.0.0.2:9000/disk.img
  relay get -j 8 http://10.0.0.2:9000/photos/ ./photos
  RELAY_TOKEN=… relay get --json http://10.0.0.2:9000/in/report.pdf /srv/reports
  relay get http://10.0.0.2:9000/disk.img -o /srv/today.img
  relay get http://10.0.0.2:9000/in/etc.tar -o - | tar t`,
		Args: cobra.MinimumNArgs(1),
	}
	f := addTransferFlags(c, "fsync: a file is done when it would outlive a loss of power; none: when it is there")
	output := c.Flags().StringP("output", "o", "", "`FILE` that a single file is to be; - is standard output")
	c.RunE = func(c *cobra.Command, args []string) error {
		urls, dir := args, ""
		if last := len(args) - 1; !transfer.IsURL(args[last]) {
			urls, dir = args[:last], args[last]
		}
		one := c.Flags().Changed("output")
		if err := checkGet(urls, dir, one, *output); err != nil {
			return err
		}
		o, err := f.options()
		if err != nil {
			return err
		}
		if one {
			return getOne(c, f, o, urls[0], *output)
		}
		if dir == "" {
			dir = "."
		}
		return f.perform(c, o, func(ctx context.Context, r *transfer.Run) error { return r.Get(ctx, urls, dir) })
	}
	return c
}

// checkGet finds what is wrong with the words of the command; one says that there is to be a
// single file, output.
func checkGet(urls []string, dir string, one bool, output string) error {
	info, err := os.Stat(dir)
	switch {
	case dir == "-":
		return errors.New("relay get: the last word is the directory that files go into; -o - writes a single file to standard output")
	case len(urls) == 0:
		return errors.New("relay get: a URL is needed, such as http://host:9000/name")
	case one && len(urls) > 1:
		return fmt.Errorf("relay get: -o is for one file, and these are %d URLs: without -o they go into a directory (relay get URL... DIR)", len(urls))
	case one && output == "":
		return errors.New("relay get: -o needs the name of a file, or - for standard output")
	case one && dir != "":
		return fmt.Errorf("relay get: -o says where the file goes, and so does %s: leave one of them out, or write -o %s", dir, filepath.Join(dir, output))
	case err == nil && !info.IsDir():
		return fmt.Errorf("relay get: %s is a file; the last word is the directory that files go into, and -o FILE the name of a single file", dir)
	}
	for _, u := range urls {
		if _, err := transfer.ParseURL(u); err != nil {
			return err
		}
		if one && strings.HasSuffix(u, "/") {
			return fmt.Errorf("relay get: %s is a directory, and -o is for one file: without -o what is in it goes into a directory (relay get %s DIR)", u, u)
		}
	}
	return nil
}
