package event

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"galen.dev/fault"
)

// spill groups records by key in bounded memory: blocks are kept in an arena; a full arena is sorted and written to a
// file; at the end the files are merged. Keys come out in the order of their bytes, and the records of a key in the order
// in which they were added.
type spill struct {
	parent, dir string
	limit       int
	arena       []byte
	blocks      []block
	runs        []string
	written     int
}

// block is a run of records of one key: in the arena, the key and then the bodies.
type block struct {
	prefix       uint64 // first bytes of the key, big endian
	at, key, end int    // key is its length
}

// maxRuns bounds the open files of a merge.
const maxRuns = 128

func newSpill(dir string, megabytes int) *spill {
	if megabytes <= 0 {
		megabytes = 128
	}
	return &spill{parent: dir, limit: min(megabytes, math.MaxInt32>>20) << 20}
}

// add adds a record.
func (s *spill) add(key, body []byte) error {
	if n := len(s.blocks); n > 0 {
		if b := &s.blocks[n-1]; bytes.Equal(s.arena[b.at:b.at+b.key], key) {
			if len(s.arena)+len(body) <= s.limit {
				s.arena = append(s.arena, body...)
				b.end = len(s.arena)
				return nil
			}
		}
	}
	const perBlock = 32
	if size := len(s.arena) + len(key) + len(body) + perBlock*len(s.blocks); size > s.limit && len(s.blocks) > 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	b := block{at: len(s.arena), key: len(key)}
	var head [8]byte
	copy(head[:], key)
	b.prefix = binary.BigEndian.Uint64(head[:])
	s.arena = append(append(s.arena, key...), body...)
	b.end = len(s.arena)
	s.blocks = append(s.blocks, b)
	return nil
}

func (s *spill) sort() {
	slices.SortFunc(s.blocks, func(a, b block) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return cmp.Or(bytes.Compare(s.arena[a.at:a.at+a.key], s.arena[b.at:b.at+b.key]), cmp.Compare(a.at, b.at))
	})
}

func (s *spill) flush() error {
	s.sort()
	err := s.run(func(write func(key, body []byte) error) error {
		for _, b := range s.blocks {
			if err := write(s.arena[b.at:b.at+b.key], s.arena[b.at+b.key:b.end]); err != nil {
				return err
			}
		}
		return nil
	})
	s.arena, s.blocks = s.arena[:0], s.blocks[:0]
	if err == nil && len(s.runs) >= maxRuns {
		runs := s.runs
		s.runs = nil
		err = s.run(func(write func(key, body []byte) error) error { return merge(runs, write) })
		for _, name := range runs {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// run writes a sorted file of blocks: lengths of key and body, then both.
func (s *spill) run(fill func(write func(key, body []byte) error) error) (err error) {
	defer func() { err = fault.Disk("sorting events in a temporary folder", err) }()
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp(s.parent, "galen-events-"); err != nil {
			return err
		}
	}
	s.written++
	f, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprint(s.written)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = fill(func(key, body []byte) error {
		head := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(key))), uint64(len(body)))
		_, err1 := w.Write(head)
		_, err2 := w.Write(key)
		_, err3 := w.Write(body)
		return errors.Join(err1, err2, err3)
	})
	s.runs = append(s.runs, f.Name())
	return errors.Join(err, w.Flush(), f.Close())
}

// each hands out the bodies of each key, one after the other joined. They are valid until the next.
func (s *spill) each(visit func(key, body []byte) error) error {
	// A key with more than a stay may hold is cut off by merge or here, before memory is asked for.
	var body []byte
	var key []byte
	some := false
	join := func(k, b []byte) error {
		if some && bytes.Equal(k, key) {
			if len(body)+len(b) > maxBody {
				return tooLong()
			}
			body = append(body, b...)
			return nil
		}
		if some {
			if err := visit(key, body); err != nil {
				return err
			}
		}
		some = true
		key, body = append(key[:0], k...), append(body[:0], b...)
		return nil
	}
	if len(s.runs) == 0 {
		s.sort()
		for _, b := range s.blocks {
			if err := join(s.arena[b.at:b.at+b.key], s.arena[b.at+b.key:b.end]); err != nil {
				return err
			}
		}
	} else {
		if len(s.blocks) > 0 {
			if err := s.flush(); err != nil {
				return err
			}
		}
		s.arena, s.blocks = nil, nil
		if err := merge(s.runs, join); err != nil {
			return err
		}
	}
	if some {
		return visit(key, body)
	}
	return nil
}

// maxBody bounds the records of one key, in bytes.
const maxBody = maxStay * eventSize

func tooLong() error {
	return fault.WithHint(fault.Errorf(fault.Data, "a stay has more than %d events", maxStay), "check which column holds the patients")
}

// close removes the files.
func (s *spill) close(err error) error {
	if s.dir != "" {
		return errors.Join(err, fault.Disk("removing a temporary folder", os.RemoveAll(s.dir)))
	}
	return err
}

// source is one file of a merge.
type source struct {
	f         *os.File
	r         *bufio.Reader
	key, body []byte
}

func (s *source) next() error {
	n, err := binary.ReadUvarint(s.r)
	if err != nil {
		return err
	}
	m, err := binary.ReadUvarint(s.r)
	if err != nil {
		return err
	}
	s.key, s.body = slices.Grow(s.key[:0], int(n))[:n], slices.Grow(s.body[:0], int(m))[:m]
	if _, err := io.ReadFull(s.r, s.key); err != nil {
		return err
	}
	_, err = io.ReadFull(s.r, s.body)
	return err
}

// merge hands out the blocks of several files in the order of keys, those of one key in the order of the files.
func merge(runs []string, write func(key, body []byte) error) (err error) {
	var open []*source
	defer func() {
		for _, s := range open {
			err = errors.Join(err, s.f.Close())
		}
	}()
	for _, name := range runs {
		f, err := os.Open(name)
		if err != nil {
			return fault.Disk("sorting events in a temporary folder", err)
		}
		open = append(open, &source{f: f, r: bufio.NewReaderSize(f, 1<<16)})
	}
	left := slices.Clone(open)
	advance := func(i int) error {
		err := left[i].next()
		if errors.Is(err, io.EOF) {
			left = slices.Delete(left, i, i+1)
			return nil
		}
		return fault.Disk("sorting events in a temporary folder", err)
	}
	for i := len(left) - 1; i >= 0; i-- {
		if err := advance(i); err != nil {
			return err
		}
	}
	for len(left) > 0 {
		// At most maxRuns files: looking at each is as fast as a heap, for blocks of many records.
		low := 0
		for i := 1; i < len(left); i++ {
			if bytes.Compare(left[i].key, left[low].key) < 0 {
				low = i
			}
		}
		if err := write(left[low].key, left[low].body); err != nil {
			return err
		}
		if err := advance(low); err != nil {
			return err
		}
	}
	return nil
}
