package test

import (
	"fmt"
	"os"
	"testing"

	"relay/test/harness"
)

func TestMain(m *testing.M) {
	if os.Getenv(echoVariable) != "" {
		if err := runEchoer(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(handoverEnd) != "" {
		succeedBadly()
	}
	os.Exit(harness.Main(m))
}
