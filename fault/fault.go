// Package fault holds the one closed set of error kinds that Galen knows, and the findings with which a
// check or a parser says everything that is wrong at once.
//
// A kind decides the exit code of the command line and the HTTP status of the server, so every error that
// reaches a user has one; an error without a kind is Internal, a defect of Galen. Start reading at Kind.
//
// Errors must never hold values of patients. Names of files, columns, tags and row numbers are allowed;
// contents of cells are not.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Kind says what sort of trouble an error is. The set is closed: docs/errors.md lists it.
type Kind uint8

// The kinds, with the exit code and the HTTP status each stands for.
const (
	Internal    Kind = iota // 1, 500: a defect of Galen
	Usage                   // 2, 400: a command, flag, study key or parameter is wrong
	Data                    // 3, 422: data were read and refused
	NotFound                // 4, 404: a named thing does not exist
	Busy                    // 5, 409: another process holds the run
	Corrupt                 // 6, 500: an artefact of Galen's own does not match its checksum or format
	Storage                 // 7, 507: the disk is full, read-only or failing
	Unavailable             // 8, 503: a server or a network source does not answer
	Canceled                // 130, 499: the user stopped it
)

var kinds = [...]struct {
	name       string
	exit, http int
}{
	Internal:    {"internal", 1, 500},
	Usage:       {"usage", 2, 400},
	Data:        {"data", 3, 422},
	NotFound:    {"not-found", 4, 404},
	Busy:        {"busy", 5, 409},
	Corrupt:     {"corrupt", 6, 500},
	Storage:     {"storage", 7, 507},
	Unavailable: {"unavailable", 8, 503},
	Canceled:    {"canceled", 130, 499},
}

// Kinds returns all kinds in order, for the reference documentation.
func Kinds() []Kind {
	ks := make([]Kind, len(kinds))
	for i := range ks {
		ks[i] = Kind(i)
	}
	return ks
}

func (k Kind) String() string { return kinds[k].name }

// ExitCode is the exit status of a command that ends with this kind.
func (k Kind) ExitCode() int { return kinds[k].exit }

// HTTPStatus is the status of a server's answer that ends with this kind.
func (k Kind) HTTPStatus() int { return kinds[k].http }

// Error is an error with a kind, optional findings and a hint at the likely cure.
type Error struct {
	Kind     Kind
	Err      error     // what happened; never nil
	Hint     string    // how to cure it, or empty
	Findings []Finding // everything found wrong, or nil
}

func (e *Error) Unwrap() error { return e.Err }

// Error returns the message followed by one line for each finding. The hint is apart: see HintOf.
func (e *Error) Error() string {
	if len(e.Findings) == 0 {
		return e.Err.Error()
	}
	var b strings.Builder
	b.WriteString(e.Err.Error())
	for _, f := range e.Findings {
		b.WriteString("\n  ")
		b.WriteString(f.String())
	}
	return b.String()
}

// Errorf makes an error of a kind; the format is fmt.Errorf's, so %w wraps.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// WithHint returns err with a hint. It keeps the kind and the findings; a nil err stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: KindOf(err), Err: err, Hint: fmt.Sprintf(format, args...)}
}

// Refuse returns a Data error that carries all findings, or nil if there are none.
func Refuse(subject string, findings []Finding) error {
	if len(findings) == 0 {
		return nil
	}
	return &Error{Kind: Data, Err: fmt.Errorf("%s: %s", subject, Count(len(findings), "finding")), Findings: findings}
}

// Count is a number with its noun, in the plural where it is not one: "1 finding", "2 findings".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// KindOf returns the kind of an error: the outermost one in its chain, or one derived from the
// operating system's errors; Internal when nothing is known.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO),
		errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG), errors.Is(err, fs.ErrPermission):
		return Storage
	case errors.Is(err, fs.ErrNotExist):
		return NotFound
	}
	return Internal
}

// HintOf returns the outermost hint in the chain of an error, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// FindingsOf returns the findings of the outermost error in the chain that has some, or nil.
func FindingsOf(err error) []Finding {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return nil
		}
		if len(e.Findings) > 0 {
			return e.Findings
		}
		err = e.Err
	}
	return nil
}
