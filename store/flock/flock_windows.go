package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try takes the lock on f without waiting, or returns ErrLocked. Release or the end of the process releases it. The locked byte lies
// far behind any content, because Windows forbids others to read a locked range.
func Try(f *os.File) error {
	at := &windows.Overlapped{Offset: 0, OffsetHigh: 1 << 20}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	if err != nil {
		return &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: err}
	}
	return nil
}

// Release gives the lock up and closes f.
func Release(f *os.File) error {
	at := &windows.Overlapped{Offset: 0, OffsetHigh: 1 << 20}
	return errors.Join(windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, at), f.Close())
}
