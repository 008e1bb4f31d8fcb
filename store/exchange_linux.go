package store

import (
	"errors"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one atomic step. File systems that cannot say errors.ErrUnsupported.
func exchange(staged, final string) error {
	err := unix.Renameat2(unix.AT_FDCWD, staged, unix.AT_FDCWD, final, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
		return errors.ErrUnsupported
	}
	return err
}
