package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Disk gives an error of the file system its kind and a hint at the cure: Storage, or NotFound. doing says what
// was being done. An error that carries a kind already keeps it, and nil stays nil.
func Disk(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	kind, hint := Storage, "check the disk and the folder"
	switch {
	case isFull(err):
		hint = "the disk or the quota is full: free some space, or use another folder; nothing half-written was kept"
	case errors.Is(err, syscall.EROFS):
		hint = "the file system is read-only: use another folder"
	case errors.Is(err, fs.ErrPermission):
		hint = "this user may not write there: change the permissions, or use another folder"
	case errors.Is(err, fs.ErrNotExist):
		kind, hint = NotFound, ""
	}
	return &Error{Kind: kind, Err: err, Hint: hint}
}
