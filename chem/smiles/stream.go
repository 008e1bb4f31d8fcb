package smiles

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"galen.dev/chem"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
)

// Line is one line of a .smi file: its molecule, or the error that says why there is none.
type Line struct {
	Number int // from 1
	SMILES string
	Mol    *chem.Mol // its Name is what follows the SMILES
	Err    error
}

// chunk is how many lines are read before they are parsed in parallel.
const chunk = 2048

// maxLine bounds one line.
const maxLine = 64 << 20

// Read reads a .smi file: a SMILES on each line, then blanks and a name. It parses in parallel and calls each in
// the order of the lines; empty lines are passed over. A bad line is handed on with its error, which names the
// line, and reading continues. It stops at the first error of each, of the reader, or of ctx.
func Read(ctx context.Context, r io.Reader, o Options, each func(Line) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	number := 0
	lines := make([]Line, 0, chunk)
	for {
		lines = lines[:0]
		end := error(nil)
		for len(lines) < chunk && end == nil {
			var text string
			text, end = readLine(in)
			if end != nil && !errors.Is(end, io.EOF) {
				return end
			}
			if text != "" || end == nil {
				number++
			}
			if text = strings.TrimSpace(text); text != "" {
				lines = append(lines, Line{Number: number, SMILES: text})
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		cpu.Do(len(lines), func(_, i int) { lines[i].parse(o) })
		for _, l := range lines {
			if err := each(l); err != nil {
				return err
			}
		}
		if end != nil {
			return nil
		}
	}
}

// readLine returns the next line with its end, at most maxLine bytes of it.
func readLine(in *bufio.Reader) (string, error) {
	var b []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(b)+len(part) <= maxLine {
			b = append(b, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(b), err
		}
	}
}

// parse splits the line and reads its molecule.
func (l *Line) parse(o Options) {
	name, text := "", l.SMILES
	if i := strings.IndexAny(l.SMILES, " \t"); i >= 0 {
		extension, rest, ok := cutExtension(l.SMILES[i:])
		l.SMILES, name = l.SMILES[:i], rest
		if text = l.SMILES; ok {
			text += " |" + extension + "|"
		}
	}
	m, err := ParseWith(text, o)
	if err != nil {
		found := append([]fault.Finding(nil), fault.FindingsOf(err)...)
		for i := range found {
			found[i].Line = l.Number
		}
		l.Err = fault.Refuse(fmt.Sprintf("line %d", l.Number), found)
		return
	}
	m.Name = name
	l.Mol = m
}

// WriteTo writes molecules as .smi lines with their names: it formats them in parallel, in order. Canonical says
// whether the canonical SMILES is written; the order of atoms is kept otherwise.
func WriteTo(w io.Writer, mols []*chem.Mol, f Format, canonical bool) error {
	out := make([]string, min(len(mols), chunk))
	for len(mols) > 0 {
		n := min(chunk, len(mols))
		cpu.Do(n, func(_, i int) {
			if canonical {
				out[i] = CanonicalWith(mols[i], f)
			} else {
				out[i] = Write(mols[i], f)
			}
		})
		for i, s := range out[:n] {
			line := s
			if mols[i].Name != "" {
				line += " " + strings.ReplaceAll(mols[i].Name, "\n", " ")
			}
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return err
			}
		}
		mols = mols[n:]
	}
	return nil
}
