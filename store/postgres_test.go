//go:build unix

package store

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"galen.dev/fault"
	"github.com/google/go-cmp/cmp"
)

// binary finds one of PostgreSQL's programs, which Debian keeps out of PATH.
func binary(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return real
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Skipf("PostgreSQL is not installed (%s not found); on Debian: apt-get install postgresql", name)
	}
	return found[len(found)-1]
}

// startPostgres starts a PostgreSQL of its own on a free port of the loopback and returns its URL.
func startPostgres(t *testing.T) string {
	t.Helper()
	initdb, postgres := binary(t, "initdb"), binary(t, "postgres")
	dir, err := os.MkdirTemp("", "galen-pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("running as root, and there is no user postgres to run the server as")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, as
		return cmd
	}
	if out, err := run(initdb, "-D", data, "-U", "galen", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Skipf("initdb: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	server := run(postgres, "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-k", dir, "-F")
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = server.Wait()
	})
	url := fmt.Sprintf("postgres://galen@127.0.0.1:%d/postgres?sslmode=disable", port)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 600 {
		if db.Ping() == nil {
			return url
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("PostgreSQL did not start:\n%s", log.String())
	return ""
}

func openPostgres(t *testing.T, root, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), root, Options{Index: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestPostgres(t *testing.T) {
	url := startPostgres(t)

	// Two stores share the database and do not see each other.
	one, two := openPostgres(t, memoryDir(t), url), openPostgres(t, memoryDir(t), url)
	first := fill(t, one, 50)
	create(t, two, "r0001")
	if got := ids(list(t, two, Filter{})); !cmp.Equal(got, []string{"r0001"}) {
		t.Errorf("the second store lists %v", got)
	}
	for _, f := range []Filter{{}, {Task: "drug/activity", Limit: 3}, {Since: first.Add(40 * time.Minute)}, {Name: "s1", Data: "support2"}} {
		want, err := one.scan(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, list(t, one, f)); d != "" {
			t.Errorf("filter %+v: index and folders differ:\n%s", f, d)
		}
	}
	if exists(filepath.Join(one.Root(), "index.db")) {
		t.Error("an SQLite file was made")
	}

	lock(t, one, "r0000")
	lock(t, one, "r0001")
	publish(t, one, "r0000", "train", "k", map[string]string{"f": "1"})
	if m, ok, err := one.Reuse(t.Context(), "k", "r0001", "train"); err != nil || !ok || m.ReusedFrom != "r0000" {
		t.Errorf("reuse: %v %v %+v", ok, err, m)
	}

	// Many writers at once, each with its own connections.
	var wg sync.WaitGroup
	for i := range 6 {
		s := openPostgres(t, one.Root(), url)
		id := fmt.Sprintf("p%d", i)
		create(t, s, id)
		wg.Go(func() {
			for v := range 5 {
				if err := publishVersion(t.Context(), s, id, strconv.Itoa(v)); err != nil {
					t.Error(err)
				}
				if _, err := s.List(t.Context(), Filter{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := list(t, one, Filter{Task: "diagnosis/risk", Name: "heart"}); len(got) != 6 || got[0].Steps[0].Key != "4" {
		t.Errorf("after concurrent writers: %+v", got)
	}

	// Lost rows come back.
	db, err := one.index.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("DROP TABLE galen_steps_v1; DROP TABLE galen_runs_v1"); err != nil {
		t.Fatal(err)
	}
	again := openPostgres(t, one.Root(), url)
	if got := list(t, again, Filter{}); len(got) != 56 {
		t.Errorf("after the tables were lost: %d runs", len(got))
	}
	if err := again.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, again, Filter{}); len(got) != 56 {
		t.Errorf("after rebuilding: %d runs", len(got))
	}
	if got := list(t, two, Filter{}); len(got) != 1 {
		t.Errorf("the other store lists %v", ids(got))
	}
}

func TestPostgresDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // nobody listens there any more
	s := openPostgres(t, t.TempDir(), fmt.Sprintf("postgres://u:hunter2@%s/d?sslmode=disable", l.Addr()))
	create(t, s, "a")
	lock(t, s, "a")
	publish(t, s, "a", "train", "k", map[string]string{"f": "1"}) // a lost write to the index is no failure
	_, err = s.List(t.Context(), Filter{})
	wantKind(t, err, fault.Unavailable, "PostgreSQL", "server runs")
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error repeats the password")
	}
	if _, ok, err := s.Reuse(t.Context(), "k", "a", "train"); ok || err != nil {
		t.Errorf("reuse without an index: %v %v", ok, err)
	}
	if _, err := s.Run(t.Context(), "a"); err != nil {
		t.Errorf("reading a run needs no index: %v", err)
	}
}
