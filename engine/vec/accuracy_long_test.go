//go:build long

package vec

import (
	"os"
	"testing"
)

// TestAccuracy tests every 97th float32, or with GALEN_EVERY_FLOAT=1 all of them, which takes an hour or more.
func TestAccuracy(t *testing.T) {
	step := uint64(97)
	if os.Getenv("GALEN_EVERY_FLOAT") == "1" {
		step = 1
	}
	eachFamily(t, func(t *testing.T) { sweep(t, step) })
}
