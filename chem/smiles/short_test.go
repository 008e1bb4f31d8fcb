//go:build !long

package smiles

const long = false
