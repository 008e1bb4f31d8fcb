//go:build linux || darwin || freebsd

package catalog

import (
	"golang.org/x/sys/unix"
)

// freeBytes is how much this user may still write into a folder; ok is false where that is not known.
func freeBytes(dir string) (free int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
