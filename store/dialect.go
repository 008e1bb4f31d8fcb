package store

import (
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"modernc.org/sqlite"               // the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is everything in which the two databases differ.
type dialect struct {
	driver   string
	server   bool   // shared by several stores and repaired by an administrator
	bytewise string // makes a column compare by bytes
	lock     string // lets writers pass one after the other until the end of the transaction
	numbered bool   // placeholders are $1, $2, … instead of ?
}

var (
	sqliteDialect = dialect{driver: "sqlite", bytewise: "COLLATE BINARY"}

	// The lock's number is arbitrary; it only has to be the same in every Galen.
	postgresDialect = dialect{
		driver: "pgx", server: true, bytewise: `COLLATE "C"`, numbered: true,
		lock: "SELECT pg_advisory_xact_lock(5139274201)",
	}
)

func isPostgres(index string) bool {
	return strings.HasPrefix(index, "postgres://") || strings.HasPrefix(index, "postgresql://")
}

func (d dialect) schema() string { return strings.ReplaceAll(schema, "{{bytewise}}", d.bytewise) }

// text writes a statement's placeholders as the database wants them. Statements hold no other question mark.
func (d dialect) text(statement string) string {
	if !d.numbered {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// openSQLite opens a database in WAL mode, so that readers and a writer do not wait for each other. NORMAL
// synchronisation may lose the last writes with the power, never the file; the index can afford that.
func openSQLite(path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if filepath.VolumeName(path) != "" {
		u.Path = "/" + u.Path
	}
	// Writes take their lock at the beginning: a reader that becomes a writer later fails instead of waiting.
	u.RawQuery = "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	db, err := sql.Open(sqliteDialect.driver, u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	return db, nil
}

// isDamaged tells whether an error says that an SQLite file is no sound database.
func isDamaged(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR:
		return true // SQLITE_ERROR: a table of our name with other columns
	}
	return false
}
