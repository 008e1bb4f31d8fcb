// Package flock takes exclusive locks on open files. The kernel releases a lock when its process dies, so a killed program never leaves one behind.
//
// The locks are advisory and belong to the open file, not to the process: a second opening of the same file
// in the same process is refused as well.
package flock

import "errors"

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked by another holder")
