//go:build !long

package standard

// tautomerEvery: of so many molecules one is compared by its tautomer.
const tautomerEvery = 4
