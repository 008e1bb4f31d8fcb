// Package tiletest gives tests of kernels memory that they cannot leave unnoticed.
package tiletest
