package cases

import (
	"context"
	"path"
	"strings"

	"galen.dev/fault"
)

// splitNames are what people call the folders and words of a split.
var splitNames = map[string]string{
	"train": Train, "training": Train, "val": Validation, "valid": Validation, "validation": Validation, "dev": Validation,
	"test": Test, "testing": Test,
}

// folders is the layout of images in a folder for each class, all of them below train, val and test where the
// source says which cases are which.
func (s *source) folders(ctx context.Context) (*layout, error) {
	root, tops := ".", s.tops(".")
	for len(tops) == 1 && !s.loosely(root) { // a folder around everything
		root = path.Join(root, tops[0])
		tops = s.tops(root)
	}
	if len(tops) < 2 || s.loosely(root) {
		return s.loose(ctx, s.files)
	}
	split := true
	for _, top := range tops {
		split = split && splitNames[strings.ToLower(top)] != ""
	}
	l := &layout{name: "folders by class", kind: Classes}
	places := map[string]string{root: ""}
	order := []string{root}
	if split {
		l.name = "folders by split and class"
		clear(places)
		order = order[:0]
		for _, top := range tops {
			dir := path.Join(root, top)
			places[dir] = splitNames[strings.ToLower(top)]
			order = append(order, dir)
		}
	}
	l.names = s.classNames(order)
	if len(l.names) == 0 {
		return s.loose(ctx, s.files)
	}
	items, err := s.classed(ctx, l, order, places)
	if err != nil {
		return nil, err
	}
	return l.listed(items), nil
}

// loosely says whether files lie in a folder itself, beside its folders, and any of them is an image.
func (s *source) loosely(dir string) bool {
	for _, name := range s.under(dir) {
		if path.Dir(name) == dir {
			if f, err := s.format(name); err == nil && f != "" {
				return true
			}
		}
	}
	return false
}

// classNames are the folders' names, sorted, over all splits.
func (s *source) classNames(dirs []string) []string {
	var all []string
	for _, dir := range dirs {
		all = append(all, s.tops(dir)...)
	}
	return sortedUnique(all)
}

func (s *source) classed(ctx context.Context, l *layout, order []string, places map[string]string) ([]*item, error) {
	var items []*item
	counts := make([]int, len(l.names))
	for _, dir := range order {
		for k, class := range l.names {
			more, err := s.images(ctx, l, s.under(path.Join(dir, class)))
			if err != nil {
				return nil, err
			}
			for _, it := range more {
				it.class, it.split = k, places[dir]
			}
			counts[k] += len(more)
			items = append(items, more...)
		}
	}
	for k, n := range counts {
		if n == 0 {
			l.find(fault.Severe, "empty-class", l.names[k], "no image is in the folder of this class", "add images, or remove the folder")
		}
	}
	return items, nil
}
