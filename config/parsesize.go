package config

import "fmt"

// ParseSize reads a size as the file spells it ("64KiB", "7MB", "1000"), in bytes, for
// the command line. What it refuses it explains.
func ParseSize(text string) (int64, error) {
	n, err := bytesOf(text)
	if err != nil {
		return 0, fmt.Errorf("%q %w", text, err)
	}
	return n, nil
}
