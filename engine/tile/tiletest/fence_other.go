//go:build !unix

package tiletest

import "testing"

// Fenced returns n floats; memory cannot be fenced here.
func Fenced(_ testing.TB, n int, _ bool) []float32 { return make([]float32, n) }
