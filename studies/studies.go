// Package studies holds the ready studies, one for each published bar, so that the program can run them by
// name without its source folder. The YAML files beside this one are the studies.
package studies

import (
	"embed"
	"path"
	"strings"
)

//go:embed *.yaml examples/*
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

// Example returns made-up cases to which a ready study's model can be applied, and the name of their file.
func Example(name string) (file string, data []byte, ok bool) {
	entries, err := files.ReadDir("examples")
	if err != nil {
		return "", nil, false
	}
	for _, e := range entries {
		if strings.TrimSuffix(e.Name(), path.Ext(e.Name())) == name {
			data, err := files.ReadFile("examples/" + e.Name())
			return e.Name(), data, err == nil
		}
	}
	return "", nil, false
}
