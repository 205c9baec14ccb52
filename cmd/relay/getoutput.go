package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/transfer"
)

// getOne fetches a single file: what -o orders.
func getOne(c *cobra.Command, f *transferFlags, o transfer.Options, url, output string) error {
	if output == "-" {
		f.payload = true
		return getStream(c, f, o, url, os.Stdout, output)
	}
	path, err := followed(output)
	if err != nil {
		return failure{err}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir(), strings.HasSuffix(output, "/"):
		return fmt.Errorf("relay get: -o is for the name of the file; into the directory %s it goes without: relay get %s %s", output, url, output)
	case err == nil && !info.Mode().IsRegular(): // to give a device's or a pipe's name to a file would be the end of it
		to, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return failure{err}
		}
		defer to.Close()
		return getStream(c, f, o, url, to, output)
	}
	return f.perform(c, o, func(ctx context.Context, r *transfer.Run) error { return r.GetFile(ctx, url, path) })
}

// followed is the path of the file behind a symbolic link: what is named itself is followed.
func followed(path string) (string, error) {
	if link, err := os.Lstat(path); err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return path, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is a symbolic link that leads nowhere: %w", path, err)
	case !info.Mode().IsRegular(): // /dev/stdout has no path behind it that could be named
		return path, nil
	}
	return filepath.EvalSymlinks(path)
}

func getStream(c *cobra.Command, f *transferFlags, o transfer.Options, url string, to *os.File, shown string) error {
	if c.Flags().Changed("durability") {
		return errors.New("relay get: --durability is for files; what becomes of a stream is up to who reads it")
	}
	return f.perform(c, o, func(ctx context.Context, r *transfer.Run) error { return r.GetStream(ctx, url, to, shown) })
}
