package main

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/chem"
	"galen.dev/chem/fingerprint"
	"galen.dev/chem/similar"
	"galen.dev/chem/smarts"
	"galen.dev/chem/smiles"
	"galen.dev/chem/stream"
	"galen.dev/fault"
)

// This file holds the commands that look for something: substructure, similar.

func (a *app) molSubstructure() *cobra.Command {
	f := &molFlags{}
	var q molQuery
	var invert, count, atoms bool
	cmd := a.molSub("substructure QUERY [FILE...]", "Keep molecules that contain a SMARTS, or a molecule",
		`Keep the molecules that contain QUERY, a SMARTS; with --molecule it is a SMILES, and its hydrogens do not count. --count prints
only how many there are. --atoms adds the columns "matches", how often it occurs, and "atoms", the numbers of the atoms
of each occurrence, from 1, in the order of the query.`,
		"  galen mol substructure 'C(=O)[OX2H1]' library.smi\n  galen mol substructure c1ccc2[nH]ccc2c1 library.sdf.gz --molecule --out indoles.sdf\n  galen mol substructure '[N+](=O)[O-]' library.smi --count\n  galen mol substructure '[#6]=O' --smiles CC=O --atoms",
		f, cobra.MinimumNArgs(1), func(cmd *cobra.Command, args []string) error {
			pattern, err := q.parse(args[0])
			if err != nil {
				return err
			}
			job := molJob{verb: "substructure", worker: func() (func(*stream.Record) molResult, error) {
				k := smarts.NewSet([]*smarts.Pattern{pattern}).Matcher()
				return func(rec *stream.Record) molResult { return q.one(k, rec, invert, atoms) }, nil
			}}
			if atoms {
				job.added = []stream.Column{{Name: "matches", Number: true}, {Name: "atoms"}}
			}
			if count {
				return a.molCount(cmd.Context(), f, args[1:], job)
			}
			return a.molStream(cmd.Context(), f, args[1:], job)
		})
	molTo(cmd, f)
	cmd.Flags().BoolVar(&q.molecule, "molecule", false, "QUERY is a SMILES, not a SMARTS")
	cmd.Flags().BoolVar(&q.chirality, "chirality", false, "the arrangement of the query's centres and double bonds must be that of the molecule")
	cmd.Flags().BoolVarP(&invert, "invert", "v", false, "keep the molecules without it")
	cmd.Flags().BoolVarP(&count, "count", "c", false, "print only how many molecules there are")
	cmd.Flags().BoolVar(&atoms, "atoms", false, "add columns with the number of occurrences and their atoms")
	cmd.MarkFlagsMutuallyExclusive("count", "atoms")
	cmd.MarkFlagsMutuallyExclusive("invert", "atoms")
	return cmd
}

// molQuery is a substructure that is looked for.
type molQuery struct{ molecule, chirality bool }

func (q *molQuery) parse(text string) (*smarts.Pattern, error) {
	if q.molecule {
		m, err := smiles.Parse(text)
		if err != nil {
			return nil, fault.Errorf(fault.Usage, "the query: %w", err)
		}
		return smarts.FromMol(m), nil
	}
	p, err := smarts.Parse(text)
	if err != nil {
		return nil, fault.Errorf(fault.Usage, "the query: %w", err)
	}
	return p, nil
}

func (q *molQuery) one(k *smarts.Matcher, rec *stream.Record, invert, atoms bool) molResult {
	k.Reset(rec.Mol)
	o := smarts.Options{Unique: true, Chirality: q.chirality}
	if !atoms {
		o.Max = 1
	}
	found, err := k.Find(0, o)
	if err != nil {
		return molResult{err: err}
	}
	res := molResult{row: stream.Row{Mol: rec.Mol, SMILES: rec.Text}, drop: (len(found) > 0) == invert}
	if atoms && !res.drop {
		texts := make([]string, len(found))
		for i, match := range found {
			numbers := make([]string, len(match))
			for j, at := range match {
				numbers[j] = strconv.Itoa(at + 1)
			}
			texts[i] = strings.Join(numbers, " ")
		}
		res.row.Extra = []string{strconv.Itoa(len(found)), strings.Join(texts, "; ")}
	}
	return res
}

// molCount prints how many molecules a job keeps.
func (a *app) molCount(ctx context.Context, f *molFlags, files []string, job molJob) error {
	return a.molRun(job.verb, f, func(r *molReport) error {
		work, err := perWorker(job.worker)
		if err != nil {
			return err
		}
		n := 0
		err = eachMolecule(ctx, f, files, r, func(*stream.Reader) error { return nil },
			func(worker int, _ *stream.Reader, rec *stream.Record) molResult { return work[worker](rec) },
			func(in *stream.Reader, rec *stream.Record, res molResult) error {
				switch {
				case res.err != nil:
					r.bad(rec, in.File(), res.err)
				case !res.drop:
					n++
				}
				return nil
			})
		if err == nil {
			err = r.verdict(f.strict)
		}
		if err != nil {
			return err
		}
		r.Written = -1
		return a.molOutput(f, r, func(w io.Writer) error {
			if a.json {
				_, err := fmt.Fprintf(w, "{\"count\": %d, \"read\": %d, \"bad\": %d}\n", n, r.Read, r.Bad)
				return err
			}
			_, err := fmt.Fprintln(w, n)
			return err
		})
	})
}

func (a *app) molSimilar() *cobra.Command {
	f := &molFlags{}
	var o molPrint
	var s molSimilarity
	cmd := a.molSub("similar QUERY [FILE...]", "Find the molecules most similar to one or several",
		`Find the molecules that are most similar to QUERY, a SMILES or a file of molecules: the -n nearest of each query, best
first, or with --above all that reach a similarity, in the order of the input. Columns are added: "query", its name or
SMILES, and "similarity". Nothing but the answers is kept in memory.`,
		"  galen mol similar 'CC(=O)Oc1ccccc1C(=O)O' library.smi\n  galen mol similar leads.sdf library.smi.gz -n 50 --out near.csv\n  galen mol similar CCO library.smi --above 0.7 --kind maccs",
		f, cobra.MinimumNArgs(1), func(cmd *cobra.Command, args []string) error {
			g, err := o.generator()
			if err != nil {
				return err
			}
			if err := s.check(); err != nil {
				return err
			}
			if s.queries, err = a.molQueries(cmd.Context(), args[0], g); err != nil {
				return err
			}
			if s.above > 0 {
				return a.molAbove(cmd.Context(), f, args[1:], g, &s)
			}
			return a.molNearest(cmd.Context(), f, args[1:], g, &s)
		})
	molTo(cmd, f)
	o.flags(cmd)
	cmd.Flags().IntVarP(&s.n, "nearest", "n", 10, "how many are found for each query")
	cmd.Flags().Float64Var(&s.above, "above", 0, "find all with at least this similarity, above 0 and up to 1")
	cmd.Flags().StringVar(&s.measure, "measure", "tanimoto", "measure of similarity: tanimoto, dice or cosine")
	cmd.MarkFlagsMutuallyExclusive("nearest", "above")
	return cmd
}

// molSimilarity says what is similar.
type molSimilarity struct {
	n       int
	above   float64
	measure string
	by      similar.Measure
	queries []molFingerprint
}

type molFingerprint struct {
	name  string
	words []uint64
	count int
}

func (s *molSimilarity) check() error {
	measures := map[string]similar.Measure{"tanimoto": similar.Tanimoto, "dice": similar.Dice, "cosine": similar.Cosine}
	by, ok := measures[s.measure]
	switch {
	case !ok:
		return fault.Errorf(fault.Usage, "measure %q is not one of tanimoto, dice, cosine", s.measure)
	case s.n < 1:
		return fault.Errorf(fault.Usage, "-n %d: at least one is looked for", s.n)
	case s.above < 0 || s.above > 1:
		return fault.Errorf(fault.Usage, "--above %g is not between 0 and 1", s.above)
	}
	s.by = by
	return nil
}

// score compares a fingerprint with every query.
func (s *molSimilarity) score(words []uint64, scores []float64) []float64 {
	n := 0
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	for i := range s.queries {
		q, common := &s.queries[i], 0
		for j, w := range words {
			common += bits.OnesCount64(w & q.words[j])
		}
		scores = append(scores, s.by.Score(common, q.count, n))
	}
	return scores
}

// maxQueries bounds the molecules that are compared with each of the input.
const maxQueries = 10_000

// molQueries reads the queries: a file if there is one of this name, else a SMILES.
func (a *app) molQueries(ctx context.Context, query string, g *fingerprint.Generator) ([]molFingerprint, error) {
	var queries []molFingerprint
	add := func(m *chem.Mol, name string) error {
		q := molFingerprint{name: name, words: make([]uint64, g.Words())}
		if err := g.Bits(m, q.words); err != nil {
			return err
		}
		for _, w := range q.words {
			q.count += bits.OnesCount64(w)
		}
		if queries = append(queries, q); len(queries) > maxQueries {
			return fault.Errorf(fault.Usage, "more than %d queries", maxQueries)
		}
		return nil
	}
	if _, err := os.Stat(query); err != nil {
		m, bad := smiles.Parse(query)
		if bad != nil {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "the query is no file, and as SMILES: %w", bad), "QUERY is a SMILES, or the path of a file of molecules")
		}
		err := add(m, query)
		return queries, err
	}
	err := openMolecules(query, func(in io.Reader) error {
		r, err := stream.NewReader(in, stream.Options{File: query})
		if err != nil {
			return err
		}
		return stream.Each(ctx, r, func(int, *stream.Record) struct{} { return struct{}{} }, func(rec *stream.Record, _ struct{}) error {
			if rec.Err != nil {
				return rec.Err // a query that is left out would look like one without answers
			}
			name := rec.Mol.Name
			if name == "" {
				name = smiles.Canonical(rec.Mol)
			}
			return add(rec.Mol, name)
		})
	})
	if err == nil && len(queries) == 0 {
		err = fault.Errorf(fault.Usage, "%s holds no molecule to compare with", query)
	}
	return queries, err
}

var similarColumns = []stream.Column{{Name: "query"}, {Name: "similarity", Number: true}}

// fingerprints makes what computes the fingerprint of one goroutine.
func fingerprints(g *fingerprint.Generator) func(m *chem.Mol) ([]uint64, error) {
	g = g.Clone()
	words := make([]uint64, g.Words())
	return func(m *chem.Mol) ([]uint64, error) { return words, g.Bits(m, words) }
}

// molAbove streams the molecules that are similar enough to their best query.
func (a *app) molAbove(ctx context.Context, f *molFlags, files []string, g *fingerprint.Generator, s *molSimilarity) error {
	return a.molStream(ctx, f, files, molJob{verb: "similar", added: similarColumns, worker: func() (func(*stream.Record) molResult, error) {
		bitsOf := fingerprints(g)
		var scores []float64
		return func(rec *stream.Record) molResult {
			words, err := bitsOf(rec.Mol)
			if err != nil {
				return molResult{err: err}
			}
			scores = s.score(words, scores[:0])
			best := 0
			for i, v := range scores {
				if v > scores[best] {
					best = i
				}
			}
			return molResult{
				drop: scores[best] < s.above,
				row:  stream.Row{Mol: rec.Mol, SMILES: rec.Text, Extra: []string{s.queries[best].name, shortNumber(scores[best])}},
			}
		}, nil
	}})
}

// molHit is an answer that is kept until all molecules were seen.
type molHit struct {
	score float64
	in    *stream.Reader
	rec   stream.Record
}

// molNearest keeps the best molecules of each query, and writes them at the end.
func (a *app) molNearest(ctx context.Context, f *molFlags, files []string, g *fingerprint.Generator, s *molSimilarity) error {
	type scored struct {
		scores []float64
		err    error
	}
	return a.molHeld("similar", f, similarColumns, func(r *molReport, first func(*stream.Reader) error) ([]molKept, error) {
		workers, err := perWorker(func() (func(*stream.Record) scored, error) {
			bitsOf := fingerprints(g)
			return func(rec *stream.Record) scored {
				words, err := bitsOf(rec.Mol)
				if err != nil {
					return scored{err: err}
				}
				return scored{scores: s.score(words, nil)}
			}, nil
		})
		if err != nil {
			return nil, err
		}
		best := make([][]molHit, len(s.queries))
		err = eachMolecule(ctx, f, files, r, first,
			func(worker int, _ *stream.Reader, rec *stream.Record) scored { return workers[worker](rec) },
			func(in *stream.Reader, rec *stream.Record, got scored) error {
				if got.err != nil {
					r.bad(rec, in.File(), got.err)
					return nil
				}
				for i, v := range got.scores {
					best[i] = insertHit(best[i], molHit{v, in, *rec}, s.n)
				}
				return nil
			})
		var kept []molKept
		for i, hits := range best {
			for _, h := range hits {
				kept = append(kept, molKept{h.in, h.rec, []string{s.queries[i].name, shortNumber(h.score)}})
			}
		}
		return kept, err
	})
}

// insertHit puts a hit among the n best, behind equal ones that came before.
func insertHit(hits []molHit, h molHit, n int) []molHit {
	if len(hits) == n && h.score <= hits[n-1].score {
		return hits
	}
	at, _ := slices.BinarySearchFunc(hits, h.score, func(x molHit, score float64) int {
		if x.score >= score {
			return -1
		}
		return 1
	})
	hits = slices.Insert(hits, at, h)
	return hits[:min(len(hits), n)]
}
