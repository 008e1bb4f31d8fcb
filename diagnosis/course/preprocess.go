package course

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that preprocess leaves.
const (
	planFile     = "plan.json"
	cohortFile   = "cohort.json"
	splitsFile   = "splits.json"
	preparedFile = "prepared.bin" // a record of each sample: prepared.go
)

// cohort is who is asked what. The slices run over samples, in the order of stays and times.
type cohort struct {
	Stay    []int   `json:"stay"` // 0-based place in the set
	Patient []int   `json:"patient"`
	At      []int64 `json:"at"` // µs: the index time
	Y       []int   `json:"y"`
	// Interval of the event or of censoring, and whether the sample is censored; with bins alone.
	Interval []int  `json:"interval,omitempty"`
	Censored []bool `json:"censored,omitempty"`
	// LeftOut counts the stays, or times in them, that are no samples, by reason.
	LeftOut map[string]int `json:"left_out"`
	// Future counts the events after the last index time of a stay, which nothing sees.
	Future int64 `json:"events_after_index"`
	// Impossible and OddUnits count values of all samples that were taken for missing.
	Impossible int64 `json:"impossible"`
	OddUnits   int64 `json:"odd_units"`
}

// splits says which samples train and which test.
type splits struct {
	Kind     string           `json:"kind"` // given or random
	Train    []int            `json:"train"`
	Test     []int            `json:"test"`
	Patients map[string][]int `json:"patients"`
}

// work is what preprocess has open.
type work struct {
	run   *task.Run
	ix    index
	set   *event.Reader
	v     *resolved
	co    *cohort
	sp    *splits
	plan  *plan
	train []bool // of each sample
	first []int  // of each stay: its first sample; len+1
}

// preprocess declares samples, sets test patients apart, makes the plan from training stays, and prepares all samples.
func preprocess(ctx context.Context, r *task.Run) error {
	w := &work{run: r}
	if err := r.ReadJSON(task.Collect, indexFile, &w.ix); err != nil {
		return err
	}
	f, err := openSet(r, &w.set)
	if err != nil {
		return err
	}
	defer f.Close()
	facts := make([]bool, len(w.set.Codes))
	for _, name := range w.ix.FactCodes {
		if c := w.set.Find(name); c >= 0 {
			facts[c] = true
		}
	}
	if w.v, err = readDeclaration(r).resolve(&w.set.Vocabulary, facts, r.Strings("inputs")); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{w.cohort, w.divide, w.makePlan, w.prepare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, out := range []struct {
		name string
		v    any
	}{{planFile, w.plan}, {cohortFile, w.co}, {splitsFile, w.sp}} {
		if err := r.WriteJSON(out.name, out.v); err != nil {
			return err
		}
	}
	return nil
}

// openSet opens the stays that collect left.
func openSet(r *task.Run, to **event.Reader) (*os.File, error) {
	f, err := r.Open(task.Collect, staysFile)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		*to, err = event.Open(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// chunk is how many stays are worked on at once: memory is bounded by it, not by the number of stays.
const chunk = 256

// each reads every stay of the set on all threads, and calls after for each in their order.
func (w *work) each(ctx context.Context, label string, do func(s *scratch, i int) error, after func(i int) error) error {
	errs := make([]error, chunk)
	scratches := make([]scratch, cpu.Threads())
	for lo := 0; lo < w.set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.run.Progress(label, int64(lo), int64(w.set.Len()))
		n := min(chunk, w.set.Len()-lo)
		cpu.Do(n, func(worker, k int) {
			s := &scratches[worker]
			if errs[k] = w.set.Read(lo+k, &s.stay); errs[k] == nil {
				errs[k] = do(s, lo+k)
			}
		})
		for k := range n {
			if errs[k] != nil {
				return errs[k]
			}
			if err := after(lo + k); err != nil {
				return err
			}
		}
	}
	return nil
}

// cohort asks every stay when it is a sample of what.
func (w *work) cohort(ctx context.Context) error {
	type found struct {
		at     []int64
		target []target
		why    [reasonCount]int
		future int
	}
	var slots [chunk]found
	co := &cohort{LeftOut: map[string]int{}}
	p := &plan{Declare: w.v.declaration}
	err := w.each(ctx, "asking", func(s *scratch, i int) error {
		f := found{}
		times, reason := w.v.times(&s.stay)
		if reason >= 0 {
			f.why[reason]++
		}
		for _, at := range times {
			t, reason := w.v.label(&s.stay, at)
			if reason < 0 {
				if _, timed := p.observed(s.stay.Events, at); len(timed) == 0 {
					reason = reasonEmpty
				}
			}
			if reason >= 0 {
				f.why[reason]++
				continue
			}
			f.at, f.target = append(f.at, at), append(f.target, t)
		}
		if n := len(f.at); n > 0 {
			for k := len(s.stay.Events) - 1; k >= 0 && s.stay.Events[k].At > f.at[n-1]; k-- {
				f.future++
			}
		}
		slots[i%chunk] = f
		return nil
	}, func(i int) error {
		f := &slots[i%chunk]
		w.first = append(w.first, len(co.Y))
		co.Future += int64(f.future)
		for reason, n := range f.why {
			if n > 0 {
				co.LeftOut[reasonText[reason]] += n
			}
		}
		for k, t := range f.target {
			co.Stay, co.Patient, co.At, co.Y = append(co.Stay, i), append(co.Patient, w.ix.Patient[i]), append(co.At, f.at[k]), append(co.Y, t.y)
			if w.v.Bins > 0 {
				co.Interval, co.Censored = append(co.Interval, t.interval), append(co.Censored, t.censored)
			}
		}
		return nil
	})
	w.co, w.first = co, append(w.first, len(co.Y))
	if err != nil {
		return err
	}
	if len(co.Y) == 0 {
		var findings []fault.Finding
		for _, text := range reasonText {
			if n := co.LeftOut[text]; n > 0 {
				findings = append(findings, fault.Finding{Name: "left-out", Severity: fault.Severe, Message: fmt.Sprintf("%s left out: %s", fault.Count(n, "stay"), text)})
			}
		}
		return fault.WithHint(fault.Refuse("declaration: no stay can be asked", findings), "look at index-time, window and outcome")
	}
	return nil
}

// divide takes the parts that the data give, or draws test patients.
func (w *work) divide(context.Context) error {
	r, co := w.run, w.co
	sp := &splits{Kind: "random", Patients: map[string][]int{}}
	parts := slices.Clone(w.ix.Parts)
	slices.Sort(parts)
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	last := r.String("test-part")
	if last != "" && !slices.Contains(parts, last) {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter test-part names a part that the data do not have"), "they have %s", fault.Count(len(parts), "part"))
	}
	if last == "" && len(parts) > 0 {
		last = parts[len(parts)-1]
	}
	if r.String("split") == "auto" && len(parts) > 1 && len(parts) == len(w.ix.Parts) {
		sp.Kind = "given"
		for i, s := range co.Stay {
			if parts := w.ix.Parts[w.ix.Part[s]]; parts == last {
				sp.Test = append(sp.Test, i)
			} else {
				sp.Train = append(sp.Train, i)
			}
		}
	} else {
		s, err := table.Holdout(len(co.Y), co.Patient, co.Y, 0, r.Float("test"), r.Seed("split"))
		if err != nil {
			return err
		}
		sp.Train, sp.Test = s.Train, s.Test
	}
	w.train = make([]bool, len(co.Y))
	side := map[int]bool{}
	for _, i := range sp.Train {
		w.train[i], side[co.Patient[i]] = true, true
	}
	both := 0
	for _, i := range sp.Test {
		if side[co.Patient[i]] {
			both++
		}
	}
	if both > 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "%s of the part for testing are of patients of the other parts", fault.Count(both, "sample")), "what is learnt of a patient must not be tested on him: take split: random")
	}
	sp.Patients["train"], sp.Patients["test"] = patientsOf(co, sp.Train), patientsOf(co, sp.Test)
	w.sp = sp
	return checkSplit(co, sp)
}

func patientsOf(co *cohort, rows []int) (out []int) {
	for _, i := range rows {
		out = append(out, co.Patient[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func checkSplit(co *cohort, sp *splits) error {
	var findings []fault.Finding
	for _, side := range []struct {
		name string
		rows []int
		need int
	}{{"training", sp.Train, 4}, {"testing", sp.Test, 1}} {
		n := [2]int{}
		for _, i := range side.rows {
			n[co.Y[i]]++
		}
		for y, name := range classes {
			if n[y] < side.need {
				findings = append(findings, fault.Finding{Name: "class-too-small", Severity: fault.Severe, Message: fmt.Sprintf("those for %s have %s with outcome %q, and need %d", side.name, fault.Count(n[y], "sample"), name, side.need)})
			}
		}
	}
	return fault.WithHint(fault.Refuse("outcome", findings), "check outcome, outcome-above and horizon")
}

// classes of every outcome of this task.
var classes = []string{"no", "yes"}

// span of events that some training sample of a stay sees; ok is false where none does.
func (w *work) span(i int) (from, to int64, ok bool) {
	for k := w.first[i]; k < w.first[i+1]; k++ {
		if !w.train[k] {
			return 0, 0, false
		}
		if !ok {
			from, ok = w.co.At[k]-hours(w.v.Window), true
		}
		to = w.co.At[k]
	}
	return from, to, ok
}

// prepare writes the record of every sample.
func (w *work) prepare(ctx context.Context) error {
	file, err := w.run.Create(preparedFile)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<18)
	r := w.plan.reader(&w.set.Vocabulary)
	type made struct {
		bytes                []byte
		impossible, oddUnits int
	}
	slots := make([]made, chunk)
	err = w.each(ctx, "preparing", func(s *scratch, i int) error {
		m := &slots[i%chunk]
		m.bytes, m.impossible, m.oddUnits = m.bytes[:0], 0, 0
		for k := w.first[i]; k < w.first[i+1]; k++ {
			v := r.look(&s.stay, w.co.At[k], s)
			m.bytes = r.record(m.bytes, v)
			m.impossible += v.impossible
			m.oddUnits += v.oddUnits
		}
		return nil
	}, func(i int) error {
		m := &slots[i%chunk]
		w.co.Impossible += int64(m.impossible)
		w.co.OddUnits += int64(m.oddUnits)
		_, err := out.Write(m.bytes)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}

// size of a record, in numbers of four bytes: the grid, the aggregates, the tokens and how many of them there are.
func (r *reader) size() int { return r.Steps*len(r.Timed) + len(r.names) + r.Tokens + 1 }

func (r *reader) record(b []byte, v *view) []byte {
	for _, x := range v.grid {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, x := range v.agg {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v.tokens)))
	for k := range r.Tokens {
		t := int32(0)
		if k < len(v.tokens) {
			t = v.tokens[k]
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return b
}

// readRecord reads the i-th record of a file of prepared samples.
func (r *reader) readRecord(f io.ReaderAt, i int, v *view) error {
	n := 4 * r.size()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, int64(i)*int64(n)); err != nil {
		return fault.Errorf(fault.Corrupt, "the file of prepared samples ends early")
	}
	v.grid, v.agg = grown(v.grid, r.Steps*len(r.Timed)), grown(v.agg, len(r.names))
	next := func() uint32 {
		x := binary.LittleEndian.Uint32(b)
		b = b[4:]
		return x
	}
	for c := range v.grid {
		v.grid[c] = math.Float32frombits(next())
	}
	for c := range v.agg {
		v.agg[c] = float64(math.Float32frombits(next()))
	}
	count := int(next())
	if count > r.Tokens {
		return fault.Errorf(fault.Corrupt, "a prepared sample has more tokens than the plan")
	}
	v.tokens = v.tokens[:0]
	for range count {
		v.tokens = append(v.tokens, int32(next()))
	}
	return nil
}
