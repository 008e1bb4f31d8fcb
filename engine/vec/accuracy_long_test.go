//go:build long

package vec

import "testing"

// TestAccuracy tests all inputs that float32 has.
func TestAccuracy(t *testing.T) { eachFamily(t, func(t *testing.T) { sweep(t, 1) }) }
