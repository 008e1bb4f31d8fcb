//go:build unix

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"galen.dev/fault"
)

// The tests of this file run the test binary again as another process, which does what the variable says.
const childVar = "GALEN_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVar); job != "" {
		if err := child(job, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(job string, args []string) error {
	ctx := context.Background()
	s, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	switch job {
	case "hold": // locks run a, says so, and waits to be killed or for its input to end
		if _, err := s.Lock(ctx, "a"); err != nil {
			return err
		}
		fmt.Println("locked")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "die": // publishes a new version of step train and kills itself at a point
		point := args[1]
		if args[2] == "renames" {
			s.swap = func(_, _ string) error { return errors.ErrUnsupported }
		}
		s.at = func(p string) {
			if p == point {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		s.fileHook = func(name string, _ []byte) error {
			s.at("writing " + name)
			return nil
		}
		return publishVersion(ctx, s, "a", "new")
	case "publish": // publishes many versions of step train in one run
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		for i := range n {
			if err := publishVersion(ctx, s, args[1], strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unknown job %q", job)
}

// publishVersion publishes step train with two files that hold the version.
func publishVersion(ctx context.Context, s *Store, id, version string) error {
	unlock, err := s.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }()
	st, err := s.Stage(id, "train")
	if err != nil {
		return err
	}
	for _, name := range []string{"first", "second"} {
		w, err := st.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, version); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	_, err = st.Publish(ctx, Manifest{Key: version})
	return err
}

func childCommand(t *testing.T, job string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVar+"="+job)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestTwoProcessesOnOneRun(t *testing.T) {
	s := open(t, memoryDir(t))
	create(t, s, "a")
	cmd := childCommand(t, "hold", s.Root())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatal(line, err)
	}
	_, err = s.Lock(t.Context(), "a")
	wantKind(t, err, fault.Busy, fmt.Sprintf("process %d", cmd.Process.Pid), "since "+time.Now().UTC().Format("2006-"))
	if err := s.SetMetrics(t.Context(), "a", nil); fault.KindOf(err) != fault.Busy {
		t.Errorf("metrics were set under another's lock: %v", err)
	}
	if _, err := s.Run(t.Context(), "a"); err != nil {
		t.Errorf("reading does not need the lock: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil { // kill -9
		t.Fatal(err)
	}
	_ = cmd.Wait()
	unlock := lock(t, s, "a")
	_, err = s.Lock(t.Context(), "a") // the same store again
	wantKind(t, err, fault.Busy, fmt.Sprintf("process %d", os.Getpid()))
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Errorf("unlocking twice: %v", err)
	}
	lock(t, s, "a")
	_, err = s.Lock(t.Context(), "none")
	wantKind(t, err, fault.NotFound, "none")
}

func TestKilledWhilePublishing(t *testing.T) {
	type result struct{ before, after string } // versions that a reader finds: right after the kill, and after the next lock
	points := []struct {
		point, way string
		want       result
	}{
		{"writing second", "exchange", result{"old", "old"}},
		{pointHashed, "exchange", result{"old", "old"}},
		{pointManifest, "exchange", result{"old", "old"}},
		{pointSwapped, "exchange", result{"new", "new"}},
		{pointRemoved, "exchange", result{"new", "new"}},
		{pointManifest, "renames", result{"old", "old"}},
		{pointMoved, "renames", result{"", "old"}},
		{pointSwapped, "renames", result{"new", "new"}},
	}
	for _, p := range points {
		for _, first := range []bool{false, true} {
			if first && p.point == pointMoved {
				continue // a first version moves nothing aside
			}
			t.Run(fmt.Sprintf("%s/%s/first=%v", p.point, p.way, first), func(t *testing.T) {
				t.Parallel()
				s := open(t, t.TempDir()) // on a disk, where the order of writes matters most
				create(t, s, "a")
				want := p.want
				if first {
					want.before, want.after = strings.Replace(want.before, "old", "", 1), strings.Replace(want.after, "old", "", 1)
				} else if err := publishVersion(t.Context(), s, "a", "old"); err != nil {
					t.Fatal(err)
				}
				cmd := childCommand(t, "die", s.Root(), p.point, p.way)
				err := cmd.Run()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the child ended with %v", err)
				}
				if got := version(t, s); got != want.before {
					t.Errorf("after the kill the step is %q, want %q", got, want.before)
				}
				lock(t, s, "a")
				if got := version(t, s); got != want.after {
					t.Errorf("under the next lock the step is %q, want %q", got, want.after)
				}
				if left, _ := filepath.Glob(filepath.Join(s.Root(), "a", ".[sot]*")); len(left) > 0 {
					t.Errorf("left over: %v", left)
				}
				runs := list(t, s, Filter{})
				if len(runs) != 1 || (len(runs[0].Steps) == 1) != (want.after != "") || runs[0].Problem != "" {
					t.Errorf("the index says %+v", runs)
				}
			})
		}
	}
}

// version reads the version of step train of run a, or "" if it is not done. A mix of versions fails.
func version(t *testing.T, s *Store) string {
	t.Helper()
	m, err := s.Manifest("a", "train")
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "a", "train"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if got := read(t, s, "a", "train", name); got != m.Key {
			t.Fatalf("file %s is of version %q, the manifest of %q", name, got, m.Key)
		}
	}
	return m.Key
}

// Readers without a lock, while versions change as fast as they can.
func TestReadersNeverSeeHalf(t *testing.T) {
	s := open(t, memoryDir(t))
	create(t, s, "a")
	if err := publishVersion(t.Context(), s, "a", "0"); err != nil {
		t.Fatal(err)
	}
	if exchange(filepath.Join(s.Root(), "a", "train"), filepath.Join(s.Root(), "a", "train")) == errors.ErrUnsupported {
		t.Skip("this file system cannot exchange folders")
	}
	cmd := childCommand(t, "publish", s.Root(), "a", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d reads", reads)
			return
		default:
			if _, err := s.Run(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Manifest("a", "train"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestConcurrentPublishers(t *testing.T) {
	s := open(t, memoryDir(t))
	var wg sync.WaitGroup
	for i := range 4 {
		id := fmt.Sprintf("run%d", i)
		create(t, s, id)
		cmd := childCommand(t, "publish", s.Root(), id, "10")
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("publisher of %s: %v", id, err)
			}
		})
	}
	for i := range 4 { // and as many in this process
		id := fmt.Sprintf("own%d", i)
		create(t, s, id)
		wg.Go(func() {
			for v := range 10 {
				if err := publishVersion(t.Context(), s, id, strconv.Itoa(v)); err != nil {
					t.Errorf("publisher of %s: %v", id, err)
				}
				if _, err := s.List(t.Context(), Filter{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	db, err := s.index.sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.index.query(t.Context(), db, Filter{})
	if err != nil || len(runs) != 8 {
		t.Fatal(len(runs), err)
	}
	for _, r := range runs {
		if len(r.Steps) != 1 || r.Steps[0].Key != "9" {
			t.Errorf("run %s: %+v", r.ID, r.Steps)
		}
	}
}
