//go:build !linux && !darwin

package store

import "errors"

// exchange has no such call here, and a publication uses two renames.
func exchange(staged, final string) error { return errors.ErrUnsupported }
