package table

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"galen.dev/fault"
)

// A syntax cuts a stream of text into chunks of whole records and parses them.
type syntax interface {
	// cut returns how many bytes at the start of buf are whole records; 0 asks for more. At the end of the
	// file it returns len(buf), and trouble if the last record is not whole.
	cut(buf []byte, end bool) (int, *trouble)
	// parse reads the records of a chunk into an empty block, with the parts that p hands out. It does not keep
	// data.
	parse(data []byte, b *block, p partMaker)
}

// partMaker returns the part for a column, or nil where the column is not wanted.
type partMaker func(name string, capacity int) *part

// block is a parsed chunk. Blocks serve again after they have been joined, so that a long file needs a few only.
type block struct {
	rows     int
	lines    []int32 // of each row, 0-based within the chunk
	newlines int
	parts    []*part  // nil where not wanted
	unknown  []string // columns that the schema does not know
	troubles []trouble
	counts   map[string]int // of troubles by name

	spare map[string]*part // of earlier chunks, by name
}

// clear readies a block for another chunk.
func (b *block) clear() {
	if b.spare == nil {
		b.spare = make(map[string]*part, len(b.parts))
	}
	for _, p := range b.parts {
		if p != nil && b.spare[p.name] != p {
			b.spare[p.name] = p
		}
	}
	*b = block{lines: b.lines[:0], parts: b.parts[:0], spare: b.spare}
}

// ready makes the parts of a format whose columns are known.
func (b *block) ready(names []string, make partMaker, capacity int) {
	b.lines = emptied(b.lines, capacity)
	for _, n := range names {
		b.parts = append(b.parts, make(n, capacity))
	}
}

// trouble is something wrong with one record; line is 0-based within the chunk, row 1-based or 0.
type trouble struct {
	name, column  string
	line, row     int
	message, hint string
}

// note adds a trouble. The first fault.MaxRows of a name are kept in full, the others only counted, so that a file
// that is wrong in every row costs little.
func (b *block) note(t trouble) {
	if b.counts == nil {
		b.counts = map[string]int{}
	}
	if b.counts[t.name]++; b.counts[t.name] <= fault.MaxRows {
		b.troubles = append(b.troubles, t)
	}
}

const (
	chunkSize = 1 << 20
	// maxRecord bounds one record, and with it the memory that an unclosed quote can take.
	maxRecord = 64 << 20
	// minRecords is how many records like the first one a chunk should hold, so that wide tables don't
	// fall into columns of two rows.
	minRecords = 64
)

// cutter reads chunks of whole records. It is used by one goroutine.
type cutter struct {
	src   io.Reader
	f     syntax
	size  int
	carry []byte
	end   bool
	given int64 // bytes cut so far
	// portion estimates how much of the file has been read, from 0 to 1, when so much text was given.
	portion func(given int64) float64
}

// next returns the next chunk in buf, grown if need be, or an empty chunk at the end.
func (c *cutter) next(buf []byte) (data []byte, t *trouble, err error) {
	buf = append(buf[:0], c.carry...)
	c.carry = c.carry[:0]
	want := c.size
	for {
		if cap(buf) < want+1 {
			buf = append(make([]byte, 0, want+1), buf...)
		}
		for len(buf) < want && !c.end {
			n, err := c.src.Read(buf[len(buf):want])
			buf = buf[:len(buf)+n]
			if err == io.EOF {
				c.end = true
			} else if err != nil {
				return nil, nil, err
			}
		}
		n, t := c.f.cut(buf, c.end)
		if n > 0 || c.end {
			c.carry = append(c.carry, buf[n:]...)
			c.given += int64(n)
			return buf[:n], t, nil
		}
		if len(buf) >= maxRecord {
			return nil, &trouble{
				name: "huge-record", message: fmt.Sprintf("a record of more than %d MiB begins here", maxRecord>>20),
				hint: "a quote that is never closed does this",
			}, nil
		}
		want = min(2*max(want, len(buf)), maxRecord)
	}
}

// reading is one run over a text file.
type reading struct {
	cols     *columns
	f        syntax
	lines    []int
	rows     int
	line     int // 0-based line at which the next chunk begins
	file     string
	troubles map[string]*tally
	order    []string // names of troubles in order of appearance

	numberedHeader bool // the names in a CSV header are all numbers: perhaps there is no header
}

// tally counts troubles of one name and keeps the first.
type tally struct {
	first []fault.Finding
	count int
}

// columns hands out parts and joins them: the state that workers and the joining goroutine share.
type columns struct {
	mu        sync.Mutex
	spec      map[string]*ColumnSchema // nil = infer
	marks     map[string]*markers
	list      []*assembly
	byName    map[string]*assembly
	learned   map[string]mode // what inference has settled so far; only saves work, never changes the result
	only      map[string]bool // nil = all
	extra     []string        // columns that the schema does not know, in order
	unknown   map[string]bool // those of them that blocks have named
	maxLevels int
	rows      int  // joined so far
	expect    int  // in the whole file, by what has been read; only saves work
	declared  bool // spec comes from the file itself (ARFF); columns that it lacks are inferred
}

var defaultMarks = &markers{}

// part is a partMaker but for old, a part of the same name that may serve again, or nil.
func (c *columns) part(name string, capacity int, old *part) *part {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.only != nil && !c.only[name] {
		return nil
	}
	s := c.spec[name]
	if s == nil && c.spec != nil && !c.declared && !isBlank(name) {
		return nil
	}
	m, marks, order := c.learned[name], defaultMarks, noOrder
	if s != nil {
		m, marks = modeOf(s), c.marks[name]
		for o, f := range dayOrders {
			if f == s.Format {
				order = dayOrder(o)
			}
		}
	}
	if old != nil && old.mode == m && old.marks == marks {
		old.reset(capacity)
		return old
	}
	return newPart(name, m, marks, order, capacity)
}

// join appends a block's parts, in the order of the file.
func (c *columns) join(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range b.parts {
		if p == nil {
			continue
		}
		p.pad(b.rows)
		a := c.byName[p.name]
		if a == nil {
			a = c.add(p.name, p.mode)
		}
		a.rows, a.expect = c.rows, c.expect
		a.join(p)
		if a.spec == nil && a.mode != modeAuto {
			c.learned[p.name] = a.mode
		} else if a.reread {
			c.learned[p.name] = modeWords
		}
	}
	c.rows += b.rows
	for _, name := range b.unknown {
		if !c.unknown[name] {
			c.unknown[name] = true
			c.extra = append(c.extra, name)
		}
	}
}

func (c *columns) add(name string, m mode) *assembly {
	a := &assembly{name: name, mode: m, maxLevels: c.maxLevels}
	a.spec = c.spec[name]
	c.byName[name] = a
	c.list = append(c.list, a)
	return a
}

// finish pads columns that the last rows did not have.
func (c *columns) finish() {
	for _, a := range c.list {
		a.rows = c.rows
	}
}

// parseChunk parses and, where a column that began with numbers or days turned out to hold words, parses again for
// those columns.
func (r *reading) parseChunk(data []byte, b *block) *block {
	b.clear()
	r.f.parse(data, b, func(name string, capacity int) *part { return r.cols.part(name, capacity, b.spare[name]) })
	var again map[string]int
	for i, p := range b.parts {
		if p != nil && p.broken {
			if again == nil {
				again = map[string]int{}
			}
			again[p.name] = i
		}
	}
	if again != nil {
		second := &block{}
		r.f.parse(data, second, func(name string, capacity int) *part {
			if _, ok := again[name]; !ok {
				return nil
			}
			return newPart(name, modeWords, defaultMarks, noOrder, capacity)
		})
		for _, p := range second.parts {
			if p != nil {
				b.parts[again[p.name]] = p
			}
		}
	}
	b.newlines = bytes.Count(data, []byte{'\n'})
	return b
}

// join takes a block in the order of the file; part is how much of the file has been read then, as an estimate.
func (r *reading) join(b *block, part float64, keepLines bool) {
	if part > 0 {
		r.cols.expect = int(min(1.02*float64(r.rows+b.rows)/part, 1e12)) + 16
	}
	for _, t := range b.troubles {
		r.note(t)
	}
	for name, n := range b.counts {
		r.troubles[name].count += max(0, n-fault.MaxRows)
	}
	if keepLines {
		r.lines = roomy(r.lines, len(r.lines)+len(b.lines), r.cols.expect)
		for _, l := range b.lines {
			r.lines = append(r.lines, r.line+int(l)+1)
		}
	}
	r.cols.join(b)
	r.rows += b.rows
	r.line += b.newlines
}

func (r *reading) note(t trouble) {
	key := t.name
	y := r.troubles[key]
	if y == nil {
		y = &tally{}
		r.troubles[key] = y
		r.order = append(r.order, key)
	}
	if y.count++; len(y.first) < fault.MaxRows {
		f := fault.Finding{
			Name: t.name, Severity: fault.Severe, File: r.file, Line: r.line + t.line + 1, Column: t.column,
			Message: t.message, Hint: t.hint,
		}
		if t.row > 0 {
			f.Rows, f.Count = []int{r.rows + t.row}, 1
		}
		y.first = append(y.first, f)
	}
}

// findings lists the troubles of the run, with a last line for those beyond fault.MaxRows of a name.
func (r *reading) findings() (out []fault.Finding) {
	for _, name := range r.order {
		y := r.troubles[name]
		out = append(out, y.first...)
		if more := y.count - len(y.first); more > 0 {
			out = append(out, fault.Finding{
				Name: name, Severity: fault.Severe, File: r.file, Count: y.count,
				Message: fmt.Sprintf("and %d more of the same", more),
			})
		}
	}
	return out
}

type job struct {
	data []byte
	part float64 // of the file, up to the end of data
	t    *trouble
	err  error
	out  chan *block
}

// run parses the whole stream. The first chunk is parsed alone, so that the kinds it settles help the others.
func (r *reading) run(ctx context.Context, c *cutter, threads int, keepLines bool) error {
	data, t, err := c.next(nil)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		r.join(r.parseChunk(data, &block{}), c.portion(c.given), keepLines)
	}
	if t != nil {
		r.note(*t)
		return nil
	}
	if c.end && len(c.carry) == 0 {
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	free := make(chan []byte, 2*threads+2)
	joined := make(chan *block, 2*threads+2)
	jobs := make(chan *job, threads)
	ordered := make(chan *job, threads)
	var wg sync.WaitGroup
	wg.Add(1 + threads)
	go func() {
		defer wg.Done()
		defer close(ordered)
		defer close(jobs)
		r.feed(ctx, c, free, jobs, ordered)
	}()
	for range threads {
		go func() {
			defer wg.Done()
			for j := range jobs {
				if ctx.Err() != nil {
					j.out <- &block{}
					continue
				}
				b := &block{}
				select {
				case b = <-joined:
				default:
				}
				j.out <- r.parseChunk(j.data, b)
				select {
				case free <- j.data:
				default:
				}
			}
		}()
	}
	for j := range ordered {
		if err == nil && j.err != nil {
			err = j.err
			cancel()
		}
		if j.data != nil {
			b := <-j.out
			if err == nil && ctx.Err() == nil {
				r.join(b, j.part, keepLines)
			}
			select {
			case joined <- b:
			default:
			}
		}
		if err == nil && j.t != nil {
			r.note(*j.t)
		}
	}
	wg.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// feed cuts chunks until the end, an error or cancellation.
func (r *reading) feed(ctx context.Context, c *cutter, free <-chan []byte, jobs, ordered chan<- *job) {
	for ctx.Err() == nil {
		var buf []byte
		select {
		case buf = <-free:
		default:
		}
		data, t, err := c.next(buf)
		j := &job{part: c.portion(c.given), t: t, err: err, out: make(chan *block, 1)}
		if len(data) > 0 {
			j.data = data
		}
		select {
		case ordered <- j:
		case <-ctx.Done():
			return
		}
		if j.data != nil {
			jobs <- j
		}
		if t != nil || err != nil || c.end && len(c.carry) == 0 {
			return
		}
	}
}
