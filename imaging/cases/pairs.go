package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Names that people give to the two folders, in lower case.
var (
	imageFolders = []string{"images", "image", "imgs", "img", "imagestr"}
	maskFolders  = []string{"masks", "mask", "labels", "label", "labelstr", "segmentations", "segmentation", "annotations"}
	maskEndings  = []string{"_mask", "_seg", "_label", "_labels", "_segmentation", "-mask", "-seg"}
)

// nnunet is the layout of nnU-Net: imagesTr with a file for each channel (case_0000), labelsTr, and dataset.json
// with the names of channels and labels. nil where the source is none.
func (s *source) nnunet(ctx context.Context) (*layout, error) {
	if !slices.Contains(s.files, "dataset.json") || len(s.under("imagesTr")) == 0 || len(s.under("labelsTr")) == 0 {
		return nil, nil
	}
	text, err := readText(s.fsys, "dataset.json", 16<<20)
	if err != nil {
		return nil, err
	}
	var about struct {
		Channels map[string]string `json:"channel_names"`
		Modality map[string]string `json:"modality"`
		Labels   map[string]any    `json:"labels"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return nil, fault.Errorf(fault.Data, "reading %q: %w", "dataset.json", err)
	}
	l := &layout{name: "nnU-Net", kind: Unlabelled, masks: true}
	if about.Channels == nil {
		about.Channels = about.Modality
	}
	for k := range len(about.Channels) {
		name, ok := about.Channels[strconv.Itoa(k)]
		if !ok {
			return nil, fault.Errorf(fault.Data, "reading %q: channels are numbered from 0", "dataset.json")
		}
		l.channels = append(l.channels, name)
	}
	if l.regions, err = regions(about.Labels); err != nil {
		return nil, err
	}
	items, err := s.matched(ctx, l, "imagesTr", "labelsTr", max(len(l.channels), 1))
	if err != nil {
		return nil, err
	}
	return l.listed(items), nil
}

// regions reads names of labels: version 2 maps names to numbers, version 1 numbers to names.
func regions(labels map[string]any) ([]volume.Label, error) {
	var out []volume.Label
	for key, v := range labels {
		var value int
		name := key
		switch v := v.(type) {
		case float64:
			value = int(v)
		case string:
			n, err := strconv.Atoi(key)
			if err != nil {
				return nil, fault.Errorf(fault.Data, "reading %q: a label has no number", "dataset.json")
			}
			value, name = n, v
		default:
			return nil, fault.WithHint(fault.Errorf(fault.Data, "reading %q: the label %q stands for several numbers", "dataset.json", key), "regions that overlap are not read: give each label a number of its own")
		}
		if value < 0 || value > 65535 {
			return nil, fault.Errorf(fault.Data, "reading %q: labels are numbered from 0 to 65535", "dataset.json")
		}
		if value > 0 {
			out = append(out, volume.Label{Value: uint16(value), Name: name})
		}
	}
	slices.SortFunc(out, func(a, b volume.Label) int { return int(a.Value) - int(b.Value) })
	return out, nil
}

// pairs is the layout of images beside masks: two folders whose files have the same names but for their endings,
// and a table split.csv (id, split) where the source sets cases apart. nil where the source is none.
func (s *source) pairs(ctx context.Context) (*layout, error) {
	var images, masks string
	for _, top := range s.tops(".") {
		low := strings.ToLower(top)
		if images == "" && slices.Contains(imageFolders, low) {
			images = top
		}
		if masks == "" && slices.Contains(maskFolders, low) {
			masks = top
		}
	}
	if images == "" || masks == "" {
		return nil, nil
	}
	l := &layout{name: "images and masks", kind: Unlabelled, masks: true}
	items, err := s.matched(ctx, l, images, masks, 1)
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.files, "split.csv") {
		if err := s.givenSplit(l, items); err != nil {
			return nil, err
		}
	}
	return l.listed(items), nil
}

// matched joins images and masks by the stems of their names.
func (s *source) matched(ctx context.Context, l *layout, images, masks string, channels int) ([]*item, error) {
	found, err := s.images(ctx, l, s.under(images))
	if err != nil {
		return nil, err
	}
	parts := map[string][]*item{}
	var order []string
	for _, it := range found {
		id := stem(it.name)
		if l.name == "nnU-Net" {
			if k := strings.LastIndex(id, "_"); k > 0 && len(id)-k == 5 {
				id = id[:k]
			}
		}
		if parts[id] == nil {
			order = append(order, id)
		}
		parts[id] = append(parts[id], it)
	}
	maskFiles := map[string]string{}
	for _, name := range s.under(masks) {
		format, err := s.format(name)
		if err != nil {
			return nil, err
		}
		if format == "" {
			if looksLikeImage(name) {
				l.find(fault.Severe, "unreadable", name, "no image of a known format, for all its name says", "remove it, or export it again")
			}
			continue
		}
		maskFiles[maskStem(name, parts)] = name
	}
	var items []*item
	for _, id := range order {
		its := parts[id]
		switch mask, ok := maskFiles[id]; {
		case len(its) != channels:
			l.find(fault.Severe, "channels", its[0].name, fmt.Sprintf("the case has %s, and %d are needed", fault.Count(len(its), "image"), channels), "one image belongs to each channel, and names of cases differ")
		case !ok:
			l.find(fault.Severe, "images-without-masks", its[0].name, "there is no mask of this name", "add its mask, or take the image out; a case without findings has an empty mask")
		default:
			it := joined(its)
			if err := s.maskOf(it, mask, l.regions); err != nil {
				l.refused(mask, err)
			} else {
				items = append(items, it)
			}
		}
		delete(maskFiles, id)
	}
	var rest []string
	for _, name := range maskFiles {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	for _, name := range rest {
		l.find(fault.Severe, "masks-without-images", name, "there is no image of this name", "add its image, or remove the mask")
	}
	return items, nil
}

// maskStem is the stem of a mask's name, without an ending that says that it is one where its image has none.
func maskStem[T any](name string, images map[string]T) string {
	id := stem(name)
	if _, ok := images[id]; ok {
		return id
	}
	for _, end := range maskEndings {
		if cut, ok := strings.CutSuffix(strings.ToLower(id), end); ok {
			return id[:len(cut)]
		}
	}
	return id
}

// joined makes one item of the images of a case's channels.
func joined(its []*item) *item {
	if len(its) == 1 {
		return its[0]
	}
	out := *its[0]
	out.image = func(ctx context.Context) (*volume.Volume, error) {
		var all *volume.Volume
		for k, it := range its {
			v, err := it.image(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", it.name, err)
			}
			if v.NumChannels() > 1 || v.NumTimes() > 1 {
				return nil, fault.Errorf(fault.Data, "%s: a channel's file holds several channels or times", it.name)
			}
			v = v.Real()
			if k == 0 {
				all = &volume.Volume{Geometry: v.Geometry, Channels: len(its), Data: v.Data.Make(len(its) * v.Voxels()), Modality: v.Modality, Unit: v.Unit}
			} else if err := volume.SameGeometry(all.Geometry, v.Geometry); err != nil {
				return nil, fmt.Errorf("%s and %s: the channels lie on different grids: %w", its[0].name, it.name, err)
			}
			all.Frame(k, 0).Copy(v.Data)
		}
		return all, nil
	}
	return &out
}

// givenSplit reads split.csv: an id, or a path, and a split of each case.
func (s *source) givenSplit(l *layout, items []*item) error {
	text, err := readText(s.fsys, "split.csv", maxTable)
	if err != nil {
		return err
	}
	rows, lines, err := readCSV("split.csv", text)
	if err != nil {
		return err
	}
	id, split, patient := -1, -1, -1
	for j := range rows[0] {
		switch h := strings.ToLower(strings.TrimSpace(rows[0][j])); {
		case id < 0 && (h == "id" || h == "case" || slices.Contains(pathColumns, h)):
			id = j
		case split < 0 && slices.Contains(splitColumns, h):
			split = j
		case patient < 0 && slices.Contains(patientColumns, h):
			patient = j
		}
	}
	if id < 0 || split < 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "reading %q: it needs the columns id and split", "split.csv"), "id is the name of an image without its ending")
	}
	byID := map[string]*item{}
	for _, it := range items {
		byID[stem(it.name)] = it
	}
	missing := fault.Finding{Name: "labels-without-images", Severity: fault.Severe, File: "split.csv", Message: "the case that the row names is not there"}
	for i, row := range rows[1:] {
		it := byID[stem(path.Base(strings.TrimSpace(row[id])))]
		w := splitNames[strings.ToLower(strings.TrimSpace(row[split]))]
		if it == nil {
			if missing.Count++; len(missing.Rows) < fault.MaxRows {
				missing.Rows = append(missing.Rows, i+1)
			}
			continue
		}
		if w == "" {
			l.findings = append(l.findings, fault.Finding{Name: "split-word", Severity: fault.Severe, File: "split.csv", Line: lines[i+1], Message: "the split is none of train, val, test"})
		}
		it.split = w
		if patient >= 0 {
			it.patient = strings.TrimSpace(row[patient])
		}
	}
	if missing.Count > 0 {
		l.findings = append(l.findings, missing)
	}
	return nil
}
