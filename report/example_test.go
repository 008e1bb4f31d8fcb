package report_test

import (
	"fmt"
	"os"

	"galen.dev/report"
)

func ExampleReport_WriteHTML() {
	roc := report.ROC(report.Curve{
		Name: "Logistic regression", Note: "0.90 (" + report.Interval(.86, .94, 2) + ")",
		X: []float64{0, .1, .3, 1}, Y: []float64{0, .7, .9, 1},
	})
	r := report.Report{
		Title:    "Risk of death in hospital",
		Headline: []report.KeyFigure{{Label: "AUROC", Value: "0.90", Interval: "95% CI 0.86–0.94"}},
		Sections: []report.Section{{Title: "Performance", Blocks: []report.Block{
			report.Text("Measured on patients whom the model has not seen."),
			report.FigureBlock{Figure: roc, Caption: "Test set."},
		}}},
	}
	f, err := os.CreateTemp("", "report-*.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := r.WriteHTML(f); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(roc.Alt)
	// Output: ROC curve: sensitivity against 1 − specificity, with the chance line. Logistic regression: 0.90 (0.86–0.94).
}
