package event

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// maxPhysioNet bounds a file of a stay; those of the Challenge have some ten thousand bytes.
const maxPhysioNet = 16 << 20

var (
	outcomesName = regexp.MustCompile(`^Outcomes-([a-z])\.(txt|csv)$`)
	setName      = regexp.MustCompile(`^set-([a-z])$`)
)

// PhysioNet reads the sets of the PhysioNet/CinC Challenge 2012 and others of its form from a folder or a tar, plain or
// in gzip: a folder set-X of files with lines "hh:mm,Parameter,Value", and Outcomes-X.txt with a line for each stay. The
// part of a stay is X. A value of -1 of a descriptor (00:00) means that it is not known; so does an outcome of -1.
//
// Every finding comes in one error: files that are no stays, times out of order, impossible numbers, stays without
// outcomes, outcomes without stays, the same stay twice.
func PhysioNet(ctx context.Context, source string, add func(*Stay) error, words *Vocabulary) error {
	p := &physioNet{words: words, add: add, outcomes: map[string][]Fact{}, seen: map[string]bool{}}
	words.Relative = true
	// Two passes: the outcomes come after the stays in some archives, and stays are not kept in memory.
	for pass := range 2 {
		err := walk(ctx, source, func(name string, r io.Reader) error {
			if outcomesName.MatchString(path.Base(name)) == (pass == 0) {
				return p.file(name, r, pass == 0)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for id := range p.outcomes {
		if !p.seen[id] {
			p.lonely++
		}
	}
	if p.lonely > 0 {
		p.find(fault.Finding{Name: "outcome-without-stay", Severity: fault.Severe, Message: fmt.Sprintf("%d outcomes are of stays that are not there", p.lonely), Hint: "check that all files of the set were unpacked"})
	}
	if len(p.seen) == 0 && len(p.findings) == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "%q holds no stay", filepath.Base(source)), "a stay is a file of lines hh:mm,Parameter,Value in a folder set-a or the like")
	}
	return fault.Refuse(fmt.Sprintf("data %q", filepath.Base(source)), p.findings)
}

type physioNet struct {
	words    *Vocabulary
	add      func(*Stay) error
	outcomes map[string][]Fact
	seen     map[string]bool
	findings []fault.Finding
	more     int
	lonely   int
	stay     Stay
}

// maxFindings bounds what one error lists.
const maxFindings = 200

func (p *physioNet) find(f fault.Finding) {
	if len(p.findings) < maxFindings {
		p.findings = append(p.findings, f)
	} else if p.more++; p.more == 1 {
		p.findings = append(p.findings, fault.Finding{Name: "more", Severity: fault.Severe, Message: "there are more findings, which are not listed"})
	}
}

func (p *physioNet) wrong(file string, row int, name, message string) {
	f := fault.Finding{Name: name, Severity: fault.Severe, File: file, Message: message}
	if row > 0 {
		f.Rows = []int{row}
	}
	p.find(f)
}

func (p *physioNet) file(name string, r io.Reader, outcomes bool) error {
	part := ""
	if m := setName.FindStringSubmatch(path.Base(path.Dir(name))); m != nil {
		part = m[1]
	}
	if !outcomes && (!strings.HasSuffix(name, ".txt") || part == "" && path.Base(path.Dir(name)) != ".") {
		return nil // a licence, a list of checksums
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPhysioNet+1))
	if err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	if len(text) > maxPhysioNet {
		p.wrong(name, 0, "size", "a file of more than 16 MiB is no stay")
		return nil
	}
	if outcomes {
		p.readOutcomes(name, text)
		return nil
	}
	return p.readStay(name, part, text)
}

func (p *physioNet) readOutcomes(name string, text []byte) {
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord = -1
	head, err := rows.Read()
	if err != nil || len(head) < 2 || head[0] != "RecordID" {
		p.wrong(name, 1, "outcomes", "the first line does not begin with RecordID")
		return
	}
	codes := make([]int32, len(head))
	for k := 1; k < len(head); k++ {
		codes[k] = p.words.Code(strings.TrimSpace(head[k]))
	}
	for row := 2; ; row++ {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || len(cells) != len(head) {
			p.wrong(name, row, "outcomes", "a line has another number of fields than the first")
			continue
		}
		id := strings.TrimSpace(cells[0])
		if p.outcomes[id] != nil {
			p.wrong(name, row, "duplicate-stay", "the outcome of a stay is given twice")
			continue
		}
		facts := []Fact{}
		for k := 1; k < len(cells); k++ {
			v, err := strconv.ParseFloat(strings.TrimSpace(cells[k]), 64)
			if err != nil {
				p.wrong(name, row, "number", fmt.Sprintf("%s is no number", head[k]))
				continue
			}
			if v != -1 {
				facts = append(facts, Fact{Code: codes[k], Value: v})
			}
		}
		p.outcomes[id] = facts
	}
}

func (p *physioNet) readStay(name, part string, text []byte) error {
	s := &p.stay
	*s = Stay{ID: strings.TrimSuffix(path.Base(name), ".txt"), Part: part, Start: 0, End: NoTime, Events: s.Events[:0], File: name}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<16)
	before := len(p.findings) + p.more
	var last int64
	for row := 1; lines.Scan(); row++ {
		line := strings.TrimSpace(lines.Text())
		if row == 1 {
			if line != "Time,Parameter,Value" {
				p.wrong(name, 1, "header", "the first line is not Time,Parameter,Value")
				return nil
			}
			continue
		}
		if line == "" {
			continue
		}
		cells := strings.Split(line, ",")
		if len(cells) != 3 {
			p.wrong(name, row, "fields", "a line has not three fields")
			continue
		}
		at, ok := clock(cells[0])
		if !ok {
			p.wrong(name, row, "time", "the time is not hh:mm")
			continue
		}
		if at < last {
			p.wrong(name, row, "time-order", "the time is before that of the line above")
		}
		last = at
		if cells[1] == "RecordID" {
			if cells[2] != s.ID {
				p.wrong(name, row, "identifier", "the RecordID is not the name of the file")
			}
			continue
		}
		v, err := strconv.ParseFloat(cells[2], 64)
		if err != nil {
			p.wrong(name, row, "number", "the value is no number")
			continue
		}
		if cells[1] == "" {
			continue // two lines of the Challenge have no parameter
		}
		e := Event{At: at, Code: p.words.Code(cells[1]), Value: v, Row: int64(row)}
		if at == 0 && slices.Contains(descriptors, cells[1]) {
			if v == -1 {
				continue
			}
			if cells[1] != "Weight" { // it is measured again later
				e.At = NoTime
			}
		}
		s.Events = append(s.Events, e)
	}
	if err := lines.Err(); err != nil {
		p.wrong(name, 0, "line", "a line is longer than any of a stay")
	}
	facts, known := p.outcomes[s.ID]
	switch {
	case p.seen[s.ID]:
		p.wrong(name, 0, "duplicate-stay", "the stay is there twice")
	case !known && len(p.outcomes) > 0:
		p.wrong(name, 0, "stay-without-outcome", "no outcome is given of the stay")
	}
	p.seen[s.ID] = true
	if len(p.findings)+p.more > before {
		return nil
	}
	s.Facts = facts
	s.Sort()
	return p.add(s)
}

// descriptors are given once, at 00:00.
var descriptors = []string{"Age", "Gender", "Height", "ICUType", "Weight"}

func clock(text string) (int64, bool) {
	h, m, ok := strings.Cut(text, ":")
	hours, err1 := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if !ok || err1 != nil || err2 != nil || hours < 0 || hours > 1e6 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	return int64(hours)*Hour + int64(minutes)*Hour/60, true
}

// walk hands out the files of a folder, or of a tar, plain or in gzip, in the order of their names or of the archive.
func walk(ctx context.Context, source string, visit func(name string, r io.Reader) error) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(source, file)
			if err != nil {
				return err
			}
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			return visit(filepath.ToSlash(rel), f)
		})
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReaderSize(f, 1<<16)
	if head, err := r.(*bufio.Reader).Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		if r, err = gzip.NewReader(r); err != nil {
			return fault.Errorf(fault.Data, "reading %q: %w", filepath.Base(source), err)
		}
	}
	archive := tar.NewReader(r)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.WithHint(fault.Errorf(fault.Data, "reading %q: %w", filepath.Base(source), err), "a folder, or a tar archive of one, holds the stays")
		}
		if h.Typeflag == tar.TypeReg {
			if err := visit(path.Clean(h.Name), archive); err != nil {
				return err
			}
		}
	}
}
