//go:build long

package layout_test

const long = true
