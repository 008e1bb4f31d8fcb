//go:build !long

package vec

import "testing"

// TestAccuracy tests every 1009th input; the build tag long tests every one.
func TestAccuracy(t *testing.T) { eachFamily(t, func(t *testing.T) { sweep(t, 1009) }) }
