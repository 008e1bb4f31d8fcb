//go:build long

package filter

const long = true
