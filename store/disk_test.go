//go:build unix

package store

import (
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"galen.dev/fault"
)

// mountTmpfs mounts a small file system in memory, or skips where that is not allowed.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root on Linux; TestFailingWrite covers this elsewhere")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "galen-test", dir).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}

func TestDiskFull(t *testing.T) {
	s := open(t, filepath.Join(mountTmpfs(t, "512k"), "runs"))
	create(t, s, "a")
	unlock := lock(t, s, "a")
	publish(t, s, "a", "train", "k", map[string]string{"model.bin": "old"})
	st, err := s.Stage("a", "train")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("model.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(w, rand.Reader, 1<<20)
	wantKind(t, err, fault.Storage, "model.bin", "no space left", "full")
	if cerr := w.Close(); cerr == nil {
		t.Error("closing after a failed write succeeded")
	}
	if _, err := st.Publish(t.Context(), Manifest{}); err == nil {
		t.Error("a file that was not written was published")
	}
	// With the disk full to the last byte even the small files of a publication fail, each with its name.
	st2, err := s.Stage("a", "evaluate")
	if err == nil {
		_, err = st2.Publish(t.Context(), Manifest{})
	}
	wantKind(t, err, fault.Storage, "evaluate")
	err = s.CreateRun(t.Context(), RunInfo{ID: "b"}, []byte("study"))
	wantKind(t, err, fault.Storage, `"b"`, "full")
	if err := st.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "a", "train", "model.bin"); got != "old" {
		t.Errorf("the earlier version holds %q", got)
	}
	if err := s.Verify(t.Context(), "a", "train"); err != nil {
		t.Error(err)
	}
	if got := list(t, s, Filter{}); len(got) != 1 {
		t.Errorf("listed %v", ids(got))
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	lock(t, s, "a")
	publish(t, s, "a", "train", "k2", map[string]string{"model.bin": "new"})
}

func TestReadOnlyFolder(t *testing.T) {
	var root string
	var protect func()
	if os.Geteuid() == 0 {
		mount := mountTmpfs(t, "4m")
		root = filepath.Join(mount, "runs")
		protect = func() {
			if out, err := exec.Command("mount", "-o", "remount,ro", mount).CombinedOutput(); err != nil {
				t.Skipf("remount: %v: %s", err, out)
			}
		}
	} else {
		root = t.TempDir()
		protect = func() {
			for _, dir := range []string{filepath.Join(root, "a"), root} {
				if err := os.Chmod(dir, 0o555); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.Chmod(dir, 0o777) })
			}
			_ = os.Chmod(filepath.Join(root, "a", lockFile), 0o444)
		}
	}
	s := open(t, root)
	create(t, s, "a")
	unlock := lock(t, s, "a")
	publish(t, s, "a", "train", "k", map[string]string{"f": "1"})
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	protect()

	s = open(t, root)
	if got := read(t, s, "a", "train", "f"); got != "1" {
		t.Errorf("file holds %q", got)
	}
	if err := s.Verify(t.Context(), "a", "train"); err != nil {
		t.Error(err)
	}
	if got := list(t, s, Filter{}); len(got) != 1 || len(got[0].Steps) != 1 {
		t.Errorf("listed %+v", got)
	}
	_, err := s.Lock(t.Context(), "a")
	wantKind(t, err, fault.Storage, `"a"`, "folder")
	err = s.CreateRun(t.Context(), RunInfo{ID: "b"}, nil)
	wantKind(t, err, fault.Storage, `"b"`, "folder")
	err = s.SetMetrics(t.Context(), "a", nil)
	wantKind(t, err, fault.Storage)
	_, err = Open(t.Context(), filepath.Join(root, "deeper"), Options{})
	wantKind(t, err, fault.Storage, "deeper")
}

// The same without a mount: the device fails at one write.
func TestFailingWrite(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		s := locked(t)
		publish(t, s, "a", "train", "k", map[string]string{"model.bin": "old"})
		writes := 0
		s.fileHook = func(string, []byte) error {
			if writes++; writes == 3 {
				return &os.PathError{Op: "write", Path: "/somewhere", Err: cause}
			}
			return nil
		}
		st, err := s.Stage("a", "train")
		if err != nil {
			t.Fatal(err)
		}
		w, err := st.Create("model.bin")
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for range 5 {
			if _, err := io.WriteString(w, "part"); err != nil {
				failed = err
			}
		}
		wantKind(t, failed, fault.Storage, "model.bin", cause.Error())
		if fault.HintOf(failed) == "" {
			t.Errorf("%v has no hint", cause)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%v was forgotten at Close", cause)
		}
		if _, err := st.Publish(t.Context(), Manifest{}); err == nil {
			t.Error("a damaged file was published")
		}
		if err := st.Discard(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, "a", "train", "model.bin"); got != "old" {
			t.Errorf("the earlier version holds %q", got)
		}
	}
}
