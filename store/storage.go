package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"galen.dev/fault"
)

// storageError gives an error of the file system its kind and a hint at the cure. Errors that carry a kind
// already keep it.
func storageError(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	kind, hint := fault.Storage, "check the disk and the folder"
	switch {
	case isFull(err):
		hint = "the disk or the quota is full: free some space, or use another folder; nothing half-written was kept"
	case errors.Is(err, syscall.EROFS):
		hint = "the file system is read-only: use another folder"
	case errors.Is(err, fs.ErrPermission):
		hint = "the folder is not writable for this user: change its permissions, or use another folder"
	case errors.Is(err, fs.ErrNotExist):
		kind, hint = fault.NotFound, ""
	}
	return &fault.Error{Kind: kind, Err: err, Hint: hint}
}

// writeSynced writes a new file and waits until it is on the disk.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// replaceSynced replaces a file atomically.
func replaceSynced(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp := filepath.Join(dir, tempPrefix+token())
	if err := writeSynced(tmp, data); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return syncDir(dir)
}
