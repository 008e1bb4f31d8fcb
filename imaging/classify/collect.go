package classify

import (
	"context"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/task"
)

// sourceFile says where the data came from.
const sourceFile = "source.json"

// collect reads the images with their labels and keeps them in a container.
func collect(ctx context.Context, r *task.Run) error {
	o := cases.Options{
		Labels: r.Strings("columns"), Patient: r.String("patient"), AssumeGeometry: r.Bool("assume-geometry"), Waive: r.Study.Waive,
		Progress: func(done, total int64) { r.Progress("reading", done, total) },
	}
	var c *cases.Collection
	err := cases.Locate(ctx, r.Source, func(path string) (err error) {
		c, err = cases.Collect(ctx, path, r.Create, o)
		return err
	})
	if err != nil {
		return err
	}
	r.Note("%s: %d images of %d patients, %s", r.Source.Name, len(c.Records), c.Patients, c.Layout)
	if len(r.Source.Files) == 1 && c.Layout == cases.TableLayout {
		r.Note("only the table is watched for changes: name the folder that holds it, and the images are too")
	}
	if !c.Known {
		r.Note("the data do not say which images are of one patient: each counts as a patient of its own")
	}
	if n := len(c.Findings); n > 0 {
		r.Note("%s on the quality of the images; see the report", fault.Count(n, "finding"))
	}
	return r.WriteJSON(sourceFile, r.Source)
}

// openCases opens the container that collect left.
func openCases(r *task.Run) (*cases.Container, error) {
	return cases.Open(opener(r))
}
