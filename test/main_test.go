package test

import (
	"os"
	"testing"

	"relay/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
