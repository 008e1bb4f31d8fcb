package stream_test

import (
	"context"
	"fmt"
	"strings"

	"galen.dev/chem/descriptor"
	"galen.dev/chem/stream"
)

// A table is read by its content, worked on in parallel, and written with a new column; bad rows are told.
func ExampleEach() {
	file := strings.NewReader("id,smiles,activity\n1,CCO,5.1\n2,C1CC,6.0\n3,CC(=O)O,4.2\n")
	r, err := stream.NewReader(file, stream.Options{File: "library.csv"})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := stream.NewLayout(r, stream.Auto, []stream.Column{{Name: "weight", Number: true}})
	fmt.Printf("%s", l.Header())
	err = stream.Each(context.Background(), r, func(_ int, rec *stream.Record) []byte {
		if rec.Err != nil {
			return nil
		}
		weight := fmt.Sprintf("%.2f", descriptor.Weight(rec.Mol))
		line, err := l.Append(nil, r, rec, stream.Row{Mol: rec.Mol, Extra: []string{weight}})
		if err != nil {
			rec.Err = err
		}
		return line
	}, func(rec *stream.Record, line []byte) error {
		if rec.Err != nil {
			fmt.Println("bad record at line", rec.Line)
		}
		fmt.Printf("%s", line)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// id,smiles,activity,weight
	// 1,CCO,5.1,46.07
	// bad record at line 3
	// 3,CC(=O)O,4.2,60.05
}
