//go:build long

package standard

const tautomerEvery = 1
