//go:build unix

package nn

import (
	"errors"
	"os"
	"syscall"
)

// syncDir waits until the names in a folder are on the disk.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	// Some network file systems cannot sync a folder; they order renames themselves.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
