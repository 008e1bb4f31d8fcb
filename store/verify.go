package store

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"galen.dev/fault"
)

// Verify reads every file of a finished step and compares it with the manifest. The error is fault.Corrupt
// with one finding for each file that differs, is missing or does not belong.
func (s *Store) Verify(ctx context.Context, id, step string) error {
	m, err := s.Manifest(id, step)
	if err != nil {
		return err
	}
	findings, err := compare(ctx, s.stepDir(id, step), m.Outputs)
	if err != nil {
		return err
	}
	if len(findings) == 0 {
		return nil
	}
	return &fault.Error{
		Kind: fault.Corrupt, Findings: findings,
		Err:  fmt.Errorf("step %q of run %q does not match its manifest", step, id),
		Hint: "delete the folder of the step and run the study again, or restore it from a copy",
	}
}

// compare checks the files of a folder against a list, in the order of the list, extra files last.
func compare(ctx context.Context, dir string, want []File) ([]fault.Finding, error) {
	var findings []fault.Finding
	add := func(name, file, message string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, File: file, Message: message})
	}
	listed := map[string]bool{manifestFile: true}
	for _, w := range want {
		listed[w.Name] = true
		got, err := HashFile(ctx, filepath.Join(dir, filepath.FromSlash(w.Name)))
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fault.KindOf(err) == fault.NotFound:
			add("missing-file", w.Name, "is missing")
		case err != nil:
			add("unreadable-file", w.Name, "cannot be read")
		case got.Size != w.Size:
			add("changed-file", w.Name, fmt.Sprintf("has %d bytes instead of %d", got.Size, w.Size))
		case got.SHA256 != w.SHA256:
			add("changed-file", w.Name, "has another content than was published")
		}
	}
	err := filepath.WalkDir(dir, func(full string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, full)
		if name := filepath.ToSlash(rel); err == nil && !listed[name] {
			add("extra-file", name, "does not belong to the step")
		}
		return err
	})
	if err != nil {
		return nil, fault.Disk("checking files", err)
	}
	return findings, nil
}
