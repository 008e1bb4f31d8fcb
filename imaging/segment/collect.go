package segment

import (
	"context"
	"os"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/task"
)

// sourceFile says where the data came from; the images themselves are in the container of package cases.
const sourceFile = "source.json"

// collect reads images and masks, and keeps them in one container.
func collect(ctx context.Context, r *task.Run) error {
	return cases.Locate(ctx, r.Source, func(path string) error {
		c, err := cases.Collect(ctx, path, r.Create, cases.Options{
			Patient: r.String("patient"), AssumeGeometry: r.Bool("assume-geometry"), Masks: true, Waive: r.Study.Waive,
			Progress: func(done, total int64) { r.Progress("reading", done, total) },
		})
		if err != nil {
			return err
		}
		r.Note("%s: %s of %s", r.Source.Name, fault.Count(len(c.Records), "image"), fault.Count(c.Patients, "patient"))
		if !c.Known {
			r.Note("the data do not say which images are of one patient: each counts as a patient of its own")
		}
		if n := len(c.Findings); n > 0 {
			r.Note("%s on the quality of the images; see the report", fault.Count(n, "finding"))
		}
		return r.WriteJSON(sourceFile, r.Source)
	})
}

// openCases opens the container that collect left.
func openCases(r *task.Run) (*cases.Container, error) {
	return cases.Open(func(name string) (*os.File, error) { return r.Open(task.Collect, name) })
}
