package store

import (
	"errors"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one atomic step. File systems that cannot say errors.ErrUnsupported.
func exchange(staged, final string) error {
	err := unix.RenamexNp(staged, final, unix.RENAME_SWAP)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return errors.ErrUnsupported
	}
	return err
}
