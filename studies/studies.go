// Package studies holds the ready studies, one for each published bar, so that the program can run them by
// name without its source folder. The YAML files beside this one are the studies.
package studies

import (
	"embed"
	"strings"
)

//go:embed *.yaml examples/*.csv
var files embed.FS

// Names lists the ready studies.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("studies: " + err.Error()) // embedded
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}

// Read returns a ready study's YAML.
func Read(name string) ([]byte, bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}

// Example returns made-up cases to which a ready study's model can be applied, as CSV.
func Example(name string) ([]byte, bool) {
	data, err := files.ReadFile("examples/" + name + ".csv")
	return data, err == nil
}
