package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mounted is a folder on a file system of its own of this many bytes.
func mounted(t *testing.T, options string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip("mounting a small file system: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that fills up at any moment of a run: one error of kind storage, a whole store, and success once there
// is room.
func TestDiskFull(t *testing.T) {
	disk := mounted(t, "size=64k")
	tr := newTrial(t)
	for k, a := range tr.args {
		if a == tr.root {
			tr.args[k] = filepath.Join(disk, "runs")
		}
	}
	tr.root = filepath.Join(disk, "runs")
	failed := 0
	for size := 64 << 10; ; size += 96 << 10 {
		if size > 8<<20 {
			t.Fatal("8 MiB were not enough")
		}
		if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size="+strconv.Itoa(size)); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := galen(t, "", tr.args...)
		if code == 0 {
			break
		}
		failed++
		checkRefusal(t, refusal{code: 7, want: []string{`no space left on device|full`}}, code, stdout, stderr)
		if left := tr.hidden(t); len(left) > 0 {
			t.Errorf("with %d bytes, left half-written: %v", size, left)
		}
	}
	if failed < 2 {
		t.Errorf("the disk was full only %d times", failed)
	}
	if sums := tr.sums(t); sums["evaluate/report.html"] == "" {
		t.Error("the run that had room left no report")
	}

	// And for predictions.
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	full := mounted(t, "size=4k")
	in := filepath.Join(t.TempDir(), "new.csv")
	write(t, in, []byte("age (a),crp (mg/l),site\n"+strings.Repeat("71.5,6.2,north\n", 200)))
	code, stdout, stderr := galen(t, "", "apply", "--store", tr.root, "small", in, "--out", filepath.Join(full, "out.jsonl"))
	checkRefusal(t, refusal{code: 7, want: []string{`no space left on device|full`}}, code, stdout, stderr)
	if left, _ := os.ReadDir(full); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A folder that cannot be written: runs can be read, nothing can be made, and no prediction goes without audit.
func TestReadOnlyFolder(t *testing.T) {
	disk := mounted(t, "size=64m")
	tr := newTrial(t)
	for k, a := range tr.args {
		if a == tr.root {
			tr.args[k] = filepath.Join(disk, "runs")
		}
	}
	tr.root = filepath.Join(disk, "runs")
	if code, _, stderr := galen(t, "", tr.args...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("making the file system read-only: ", err)
	}
	want := refusal{code: 7, want: []string{`read-only`}}
	code, stdout, stderr := galen(t, "", append(tr.args, "--seed", "2")...)
	checkRefusal(t, want, code, stdout, stderr)
	code, stdout, stderr = galen(t, "", "run", "wdbc", "--store", filepath.Join(disk, "other"))
	checkRefusal(t, want, code, stdout, stderr)
	in := filepath.Join(t.TempDir(), "new.csv")
	write(t, in, []byte("age (a),crp (mg/l),site\n71.5,6.2,north\n"))
	code, stdout, stderr = galen(t, "", "apply", "--store", tr.root, "small", in)
	checkRefusal(t, refusal{code: 7, want: []string{`read-only`, `no prediction goes without its audit`}}, code, stdout, stderr)
	code, stdout, stderr = galen(t, "", "apply", "--store", tr.root, "small", in, "--out", filepath.Join(disk, "out.csv"))
	checkRefusal(t, want, code, stdout, stderr)
	if code, stdout, stderr := galen(t, "", "runs", "list", "--store", tr.root); code != 0 || !strings.Contains(stdout, "small-") {
		t.Errorf("runs list: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := galen(t, "", "runs", "show", "--store", tr.root, "small"); code != 0 || !strings.Contains(stdout, "auroc") {
		t.Errorf("runs show: exit code %d\n%s%s", code, stdout, stderr)
	}
}
