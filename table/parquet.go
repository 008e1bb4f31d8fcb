package table

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"galen.dev/fault"
)

// schemaKey is where WriteParquet keeps the schema, as YAML, in the file's key-value metadata.
const schemaKey = "galen.schema"

// readParquet reads a flat Parquet file. Files that WriteParquet made bring their schema; the columns of others
// get their kinds from their types, and strings are inferred as in CSV.
func (in *input) readParquet(r *bufio.Reader) (t *Table, err error) {
	defer func() {
		// The Parquet library panics on some damaged files.
		if p := recover(); p != nil {
			t, err = nil, in.damaged(fmt.Errorf("%v", p))
		}
	}()
	src, size, err := in.readerAt(r)
	if err != nil {
		return nil, err
	}
	tail := make([]byte, 8)
	if size >= 12 {
		if _, err := src.ReadAt(tail, size-8); err != nil && err != io.EOF {
			return nil, err
		}
	}
	if footer := binary.LittleEndian.Uint32(tail); string(tail[4:]) != "PAR1" || int64(footer) > size-12 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s is a Parquet file that is cut short", quoted(in.name)), "copy or download it again")
	}
	f, err := parquet.OpenFile(src, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, in.damaged(err)
	}
	leaves, found := in.leaves(f)
	if len(leaves) > in.o.MaxColumns {
		return nil, tooManyColumns(in.name, len(leaves), in.o.MaxColumns)
	}
	if len(found) > 0 {
		return nil, fault.Refuse("reading "+quoted(in.name), found)
	}
	if len(leaves) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s has no columns", quoted(in.name)), "check that the export finished")
	}
	cols := newColumns(in.o)
	own := false
	if text, ok := f.Lookup(schemaKey); ok && in.o.Schema == nil {
		s, err := ParseSchema([]byte(text), in.name)
		if err != nil {
			return nil, in.damaged(fmt.Errorf("the schema in its metadata: %w", err))
		}
		own = true
		cols.declared, cols.spec, cols.marks = true, map[string]*ColumnSchema{}, map[string]*markers{}
		for i := range s.Columns {
			cols.spec[s.Columns[i].Name] = &s.Columns[i]
			cols.marks[s.Columns[i].Name] = &markers{exact: true}
		}
	}
	if err := in.readLeaves(f, cols, leaves, own); err != nil {
		return nil, err
	}
	cols.rows = int(f.NumRows())
	return in.finish(&Table{File: in.name, Rows: cols.rows}, cols, nil)
}

func (in *input) damaged(err error) error {
	if in.ctx.Err() != nil {
		return in.ctx.Err()
	}
	return fault.WithHint(fault.Errorf(fault.Data, "%s is a damaged Parquet file: %w", quoted(in.name), err), "copy or write it again")
}

// readerAt gives random access: the file itself, or its unpacked contents in memory.
func (in *input) readerAt(r *bufio.Reader) (io.ReaderAt, int64, error) {
	if at, ok := in.src.(io.ReaderAt); ok && !in.unpacking {
		return &watchedAt{src: at, in: in}, in.size, nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

// watchedAt stops random access after cancellation and reports progress.
type watchedAt struct {
	src  io.ReaderAt
	in   *input
	mu   sync.Mutex
	done int64
}

func (w *watchedAt) ReadAt(p []byte, off int64) (int, error) {
	if err := w.in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.src.ReadAt(p, off)
	if tell := w.in.o.Progress; tell != nil {
		w.mu.Lock()
		w.done = min(w.done+int64(n), w.in.size)
		tell(w.done, w.in.size)
		w.mu.Unlock()
	}
	return n, err
}

// leaf is one column of the file and how its values are read.
type leaf struct {
	name string
	at   int // index of the column
	conv converter
}

// leaves lists the columns and refuses nested ones and types without a meaning here.
func (in *input) leaves(f *parquet.File) (out []leaf, found []fault.Finding) {
	meta := f.Metadata().Schema
	seen := map[string]int{}
	refuse := func(column, name, message, hint string) {
		found = append(found, fault.Finding{Name: name, Severity: fault.Severe, File: in.name, Column: column, Message: message, Hint: hint})
	}
	element := 1
	for i, c := range f.Root().Columns() {
		at := element
		element += countNodes(c)
		name := c.Name()
		if !c.Leaf() || c.Repeated() {
			refuse(name, "nested-column", "a nested or repeated column", "write its parts as flat columns")
			continue
		}
		if !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
			refuse("", "bad-name", fmt.Sprintf("the name of column %d is not UTF-8 text", i+1), "rename it")
			continue
		}
		if blankName(name) {
			refuse("", "blank-name", fmt.Sprintf("column %d has no name", i+1), "name it")
			continue
		}
		if first, dup := seen[name]; dup {
			found = append(found, duplicateName(in.name, -1, name, first, i))
		}
		seen[name] = i
		conv := converterFor(c, meta[at].LogicalType.Value)
		if conv.put == nil {
			refuse(name, "unreadable-type", "a column of a type that has no place in a table", "write it as numbers, strings, dates or timestamps")
			continue
		}
		out = append(out, leaf{name: name, at: c.Index(), conv: conv})
	}
	return out, found
}

func countNodes(c *parquet.Column) int {
	n := 1
	for _, d := range c.Columns() {
		n += countNodes(d)
	}
	return n
}

// readLeaves reads the columns, several at a time; each is independent, so the order of work does not matter.
func (in *input) readLeaves(f *parquet.File, cols *columns, leaves []leaf, own bool) error {
	ctx, cancel := context.WithCancelCause(in.ctx)
	defer cancel(nil)
	done := make([]*assembly, len(leaves))
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(in.o.Threads, len(leaves)) {
		wg.Go(func() {
			for i := range work {
				a, err := in.readLeaf(ctx, f, cols, leaves[i], own)
				if err != nil {
					cancel(err)
				}
				done[i] = a
			}
		})
	}
	for i := range leaves {
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for i, a := range done {
		if a == nil {
			cols.extra = append(cols.extra, leaves[i].name)
			continue
		}
		cols.list = append(cols.list, a)
		cols.byName[a.name] = a
	}
	return nil
}

// readLeaf reads one column; nil where the schema does not know it.
func (in *input) readLeaf(ctx context.Context, f *parquet.File, cols *columns, l leaf, own bool) (a *assembly, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, in.damaged(fmt.Errorf("column %s: %v", quoted(l.name), p))
		}
	}()
	// A second round, as words, for whole numbers that are identifiers.
	for _, force := range []bool{false, true} {
		a = &assembly{name: l.name, spec: cols.spec[l.name], maxLevels: cols.maxLevels, expect: int(f.NumRows())}
		if a.spec != nil {
			a.mode = modeOf(a.spec)
		}
		for _, g := range f.RowGroups() {
			p := cols.part(l.name, 1024, nil)
			if p == nil {
				return nil, nil
			}
			if a.spec == nil && (l.conv.words || force) {
				p = newPart(l.name, modeWords, defaultMarks, noOrder, 1024)
			} else if a.spec == nil && l.conv.days {
				p = newPart(l.name, modeDate, defaultMarks, noOrder, 1024)
				a.mode = modeDate
			}
			p.own = own && a.spec != nil
			if err := fillPart(ctx, p, g.ColumnChunks()[l.at], g.NumRows(), l.conv); err != nil {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				return nil, in.damaged(fmt.Errorf("column %s: %w", quoted(l.name), err))
			}
			if p.broken && !force {
				a.reread = true
				break
			}
			a.join(p)
		}
		if !a.reread {
			break
		}
	}
	a.unit = l.conv.unit
	return a, nil
}

// fillPart reads a column of a row group.
func fillPart(ctx context.Context, p *part, chunk parquet.ColumnChunk, rows int64, conv converter) error {
	pages := chunk.Pages()
	defer pages.Close()
	values := make([]parquet.Value, 1024)
	for int64(p.rows()) <= rows {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		page, err := pages.ReadPage()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		reader := page.Values()
		for {
			n, err := reader.ReadValues(values)
			for _, v := range values[:n] {
				if v.IsNull() {
					p.skip()
				} else {
					conv.put(p, v)
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
	}
	if int64(p.rows()) != rows {
		return errors.New("it does not have as many values as the row group has rows")
	}
	return nil
}
