package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"galen.dev/fault"
	"galen.dev/safety"
)

// shippedRules is the name under which `galen data verify` knows the rules inside the program.
const shippedRules = "safety-rules"

// namesRules tells whether an argument of `galen data verify` is a set of safety rules: the shipped ones, or a CSV file.
func namesRules(name string) bool {
	return name == shippedRules || strings.HasSuffix(strings.ToLower(name), ".csv")
}

// verifyRules checks the shipped rules, and a file of the user's on top of them.
func (a *app) verifyRules(name string) error {
	files := safety.Shipped()
	if name != shippedRules {
		data, err := os.ReadFile(name)
		if err != nil {
			return fault.Disk("reading rules", err)
		}
		files.Rules = append(files.Rules, safety.File{Name: name, Data: data})
	}
	s, err := safety.New(files)
	if err != nil {
		return fault.WithHint(err, "docs/format/rules.md describes the files")
	}
	type row struct {
		Name  string `json:"name"`
		Rules int    `json:"rules"`
		Off   int    `json:"off"` // switched off by a later file
		Drugs int    `json:"drugs"`
	}
	r := row{name, len(s.Rules()), len(s.Off()), s.Drugs()}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "ok  %s  %d rules over %d drugs, each with its source; none contradicts another\n", r.Name, r.Rules, r.Drugs)
		if r.Off > 0 {
			fmt.Fprintf(w, "    %s switched off\n", fault.Count(r.Off, "rule"))
		}
	})
}
