//go:build !unix

package nn

// syncDir does nothing: Windows has no such call, and NTFS journals renames.
func syncDir(string) error { return nil }
