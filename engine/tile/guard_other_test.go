//go:build !unix

package tile

import "testing"

// fenced cannot fence memory here; it returns plain memory of exactly n floats.
func fenced(_ *testing.T, n int, _ bool) []float32 { return make([]float32, n) }
