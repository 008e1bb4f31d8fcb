package risk

import (
	"fmt"

	"galen.dev/calibrate"
	"galen.dev/report"
)

// checklist fills TRIPOD+AI with what the run knows of itself. What only the authors can say stays missing.
func (w *pageWriter) checklist() (report.Section, error) {
	done := func(where, format string, args ...any) report.Answer {
		return report.Answer{Status: report.Done, Where: where, Text: fmt.Sprintf(format, args...)}
	}
	partly := func(where, format string, args ...any) report.Answer {
		a := done(where, format, args...)
		a.Status = report.Partly
		return a
	}
	answers := map[string]report.Answer{
		"4":  done("model", "Development with internal validation."),
		"5a": partly("reproduction", "%s; its file, size and hash are given, not why it was used.", w.source.Name),
		"7":  done("quality", "The checks and their findings are listed; they do not differ between groups."),
		"8a": partly("cohort", "The column %s; its time horizon and assessment are not known to the run.", w.trainer.cohort.Outcome.Target),
		"9a": done("card", "Every column that the study does not exclude is a candidate; the model card lists them."),
		"11": done("quality", "Trees and additive models take missing values as they are. Linear models fill in the training %s and add an indicator of missingness where the study says so. Cases without the outcome are left out and counted.", w.trainer.cohort.Options.Impute),
		"12a": done("cohort", "%s", map[string]string{
			"random": "A random share of patients, stratified by class, is for testing only.", "folds": "Cross-validation by patient, stratified by class.",
			"time": "The latest patients are for testing only.", "column": "A column of the data says which patients are for testing.",
		}[w.splits.Kind]),
		"12b": done("reproduction", "plan.json holds the transformation: scaling, filling in, pooled categories."),
		"12c": done("model", "%s", w.choiceText()),
		"12g": done("reproduction", "The model is applied by galen apply with the run's folder."),
		"15":  done("discrimination", "A probability, a prediction set and, where the case lies too far from the training cases, an abstention."),
		"18f": done("reproduction", "Galen is open source (Apache-2.0); the study is printed."),
		"20a": done("cohort", "Shown as a diagram."),
		"20b": partly("cohort", "Characteristics by outcome, with missing values; dates, centres and treatments are not known to the run."),
		"21":  done("cohort", "%s", w.sizes()),
		"22":  done("reproduction", "The run's train folder holds the whole model in a documented format."),
		"23a": done("discrimination", "With intervals."),
		"26":  partly("card", "Internal validation only; the authors know the rest."),
		"27a": done("trust", "Missing predictors are taken as missing; values outside the training range and cases far from it are named in each prediction."),
	}
	if w.source.Licence != "" {
		answers["18e"] = done("reproduction", "The data are public: %s.", w.source.Licence)
	}
	where, measured := "calibration", "Discrimination, calibration and net benefit"
	if !w.trainer.cohort.Outcome.Binary() {
		where, measured = "discrimination", "Discrimination, log loss, Brier score and calibration error"
	}
	answers["12e"] = done(where, "%s with bootstrap intervals over patients.", measured)
	recalibrated := w.kept.Method() != calibrate.None
	if recalibrated {
		answers["12f"] = done(where, "Recalibration (%s) on predictions for unseen training patients.", w.kept.Method())
	} else {
		answers["12f"] = done(where, "The probabilities are not recalibrated.")
	}
	if w.tested.Recalibrated && w.trainer.cohort.Outcome.Binary() {
		answers["24"] = done(where, "Before and after recalibration.")
	}
	switch {
	case w.run.String("class-weight") != "balanced":
		answers["13"] = done("model", "Imbalance was not treated: it needs no treatment where probabilities are wanted.")
	case recalibrated:
		answers["13"] = done("model", "Classes were weighed inversely to their size; the probabilities were recalibrated afterwards.")
	default:
		answers["13"] = partly("model", "Classes were weighed inversely to their size, and the probabilities were not recalibrated: those of rare classes are too high.")
	}
	if len(w.Subgroups) > 0 {
		answers["14"] = partly("subgroups", "Performance by group with differences; what was done about them is for the authors.")
		answers["23a"] = done("subgroups", "With intervals, also by subgroup.")
	}
	c, err := report.TRIPODAI(answers)
	if err != nil {
		return report.Section{}, err
	}
	return report.Section{ID: "tripod", Title: "TRIPOD+AI", Lead: "What this run reports of the TRIPOD+AI checklist by itself. What it cannot know is plainly missing and is for the authors.", Blocks: []report.Block{c}}, nil
}

func (w *pageWriter) choiceText() string {
	if len(w.choice.Rows) == 1 {
		return "The study names the kind of model; cross-validation within training patients measures it, with the model tuned inside."
	}
	return "Choice by cross-validation within training patients, with each model tuned inside."
}

// sizes says how many cases train and test.
func (w *pageWriter) sizes() string {
	if w.splits.Pooled {
		return fmt.Sprintf("%d cases, each tested once by a model of the other %d folds.", len(w.trainer.cohort.Y), w.splits.perRepeat()-1)
	}
	first := w.splits.Parts[0]
	return fmt.Sprintf("%d training and %d test cases.", len(first.Train), len(first.Test))
}
