package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"

	"galen.dev/fault"
)

// sampleFigures draws one of each figure from made-up numbers.
func sampleFigures() map[string]Figure {
	rng := rand.New(rand.NewPCG(7, 11))
	roc := func(name string, a float64) Curve {
		c := Curve{Name: name}
		for i := range 61 {
			x := float64(i) / 60
			y := math.Pow(x, a)
			c.X, c.Y = append(c.X, x), append(c.Y, y)
			c.Lo, c.Hi = append(c.Lo, max(0, y-.25*math.Sqrt(x*(1-x)))), append(c.Hi, min(1, y+.2*math.Sqrt(x*(1-x))))
		}
		return c
	}
	best, other := roc("Boosting", .12), roc("Logistic regression", .2)
	best.Note, other.Note = "0.89 (0.84–0.94)", "0.83 (0.77–0.89)"
	other.Lo, other.Hi = nil, nil
	pr := Curve{Name: "Boosting", Note: "AUPRC 0.74 (0.66–0.81)"}
	for i := range 30 {
		x := float64(i) / 29
		pr.X, pr.Y = append(pr.X, x), append(pr.Y, .95-.75*x*x*x+.02*math.Sin(20*x))
	}
	smooth := Curve{Name: "Recalibrated", Note: "slope 0.98 (0.84–1.12)"}
	var bins []RiskBin
	for i := range 50 {
		x := .02 + .94*float64(i)/49
		y := x + .05*math.Sin(5*x)
		smooth.X, smooth.Y = append(smooth.X, x), append(smooth.Y, y)
		smooth.Lo, smooth.Hi = append(smooth.Lo, y-.04-.05*x), append(smooth.Hi, y+.04+.05*x)
		if i%6 == 3 {
			bins = append(bins, RiskBin{x, y + .03*rng.NormFloat64(), y - .12, y + .12, 60})
		}
	}
	var pos, neg []float64
	for range 300 {
		pos = append(pos, 1/(1+math.Exp(-.8-1.4*rng.NormFloat64())))
		neg = append(neg, 1/(1+math.Exp(1.6-1.2*rng.NormFloat64())))
		neg = append(neg, 1/(1+math.Exp(1.6-1.2*rng.NormFloat64())))
	}
	dca := DecisionData{Prevalence: .31}
	m := Curve{Name: "Boosting"}
	for i := range 60 {
		t := .01 + .8*float64(i)/59
		dca.Threshold = append(dca.Threshold, t)
		dca.TreatAll = append(dca.TreatAll, .31-.69*t/(1-t))
		nb := .31*math.Pow(1-t, .45) - .02*t
		m.X, m.Y = append(m.X, t), append(m.Y, nb)
		m.Lo, m.Hi = append(m.Lo, nb-.03), append(m.Hi, nb+.03)
	}
	dca.Models = []Curve{m}
	shape := Curve{}
	var ages []float64
	for i := range 30 {
		x := 30 + 50*float64(i)/29
		y := .8 * math.Tanh((x-58)/9)
		shape.X, shape.Y = append(shape.X, x), append(shape.Y, y)
		shape.Lo, shape.Hi = append(shape.Lo, y-.2), append(shape.Hi, y+.2)
	}
	for range 60 {
		ages = append(ages, 55+9*rng.NormFloat64())
	}
	km := func(name string, rate float64) Curve {
		c := Curve{Name: name, X: []float64{0}, Y: []float64{1}, Lo: []float64{1}, Hi: []float64{1}}
		for t := 1.0; t <= 60; t += 2.3 {
			s := math.Exp(-rate * t)
			c.X, c.Y = append(c.X, t), append(c.Y, s)
			c.Lo, c.Hi = append(c.Lo, s-.003*t*s), append(c.Hi, min(1, s+.003*t*s))
		}
		return c
	}
	times := []float64{0, 12, 24, 36, 48, 60}
	var steps, train, valid []float64
	for i := range 40 {
		steps = append(steps, float64(i+1))
		train = append(train, .25+.45*math.Exp(-float64(i)/18)+.01*rng.NormFloat64())
		valid = append(valid, .33+.37*math.Exp(-float64(i)/14)+.0004*float64(i)+.01*rng.NormFloat64())
	}
	var px, py []float64
	for range 90 {
		v := 5 + 2*rng.NormFloat64()
		px, py = append(px, v+.7*rng.NormFloat64()), append(py, v)
	}
	return map[string]Figure{
		"roc":         ROC(best, other),
		"pr":          PrecisionRecall(.31, pr),
		"calibration": Calibration(CalibrationData{Smooth: []Curve{smooth}, Bins: bins, Positive: pos, Negative: neg}),
		"decision":    DecisionCurve(dca),
		"forest": Forest(ForestData{Measure: "AUROC", Reference: .89, Rows: []ForestRow{
			{Label: "All patients", Overall: true, N: 303, Events: 94, Value: .89, Lo: .84, Hi: .94},
			{Label: "Sex", Heading: true},
			{Label: "Female", N: 97, Events: 20, Value: .91, Lo: .83, Hi: .97},
			{Label: "Male", N: 206, Events: 74, Value: .87, Lo: .81, Hi: .93},
			{Label: "Age", Heading: true},
			{Label: "Under 50", N: 93, Events: 19, Value: .92, Lo: .85, Hi: .98},
			{Label: "50 to 64", N: 168, Events: 58, Value: .88, Lo: .82, Hi: .94},
			{Label: "65 and over", N: 42, Events: 17, Value: .79, Lo: .61, Hi: .94},
			{Label: "Chest pain: typical angina, as coded at admission", N: 12, Events: 4, Value: math.NaN()},
		}}),
		"importance": Bars(BarData{Title: "Importance of predictors", XLabel: "Loss of AUROC when permuted", Bars: []Bar{
			{Label: "Thallium scan", Value: .061, Lo: .04, Hi: .083},
			{Label: "Vessels coloured", Value: .054, Lo: .036, Hi: .071},
			{Label: "Chest pain type", Value: .047, Lo: .03, Hi: .06},
			{Label: "ST depression (mm)", Value: .021, Lo: .008, Hi: .033},
			{Label: "Age (years)", Value: .007, Lo: -.003, Hi: .016},
			{Label: "Fasting glucose above 120 mg/dl", Value: -.001, Lo: -.004, Hi: .003},
		}}),
		"waterfall": Waterfall(WaterfallData{Base: -.82, Result: 1.13, XLabel: "Log-odds of disease", BaseName: "Average", Steps: []Step{
			{"Thallium scan = reversible defect", .92}, {"Vessels coloured = 2", .74}, {"Maximum heart rate = 171", -.38}, {"Chest pain = asymptomatic", .61}, {"Age = 44", -.21}, {"Sex = male", .27},
		}}),
		"effect":      Effect(EffectData{Predictor: "Age (years)", Output: "Log-odds", Curve: shape, Values: ages, Zero: true}),
		"categories":  Effect(EffectData{Predictor: "Chest pain", Output: "Log-odds", Zero: true, Categories: []Bar{{Label: "Asymptomatic", Value: .6, Lo: .4, Hi: .8}, {Label: "Non-anginal", Value: -.3, Lo: -.5, Hi: -.1}, {Label: "Typical angina", Value: -.45, Lo: -.9, Hi: 0}}}),
		"histogram":   Distribution(DistributionData{XLabel: "Predicted risk", Groups: []Group{{"No disease", neg}, {"Disease", pos}}}),
		"density":     Distribution(DistributionData{XLabel: "Predicted risk", Density: true, Groups: []Group{{"Development", neg}, {"Test", pos}}}),
		"folds":       Folds("AUROC, 5 × 2 folds", []FoldRow{{"Logistic regression", []float64{.88, .9, .86, .91, .87}, .884, .86, .908, false}, {"Random forest", []float64{.87, .9, .88, .89, .9}, .888, .87, .906, false}, {"Boosting", []float64{.9, .91, .87, .92, .89}, .898, .875, .921, true}}),
		"flow":        Flow(FlowData{Start: "Rows in the file", N: 1034, Steps: []FlowStep{{[]Exclusion{{"Outcome not recorded", 21}, {"Age under 18 years or not recorded", 13}}, "Eligible patients", 1000}, {[]Exclusion{{"Repeated visit of the same patient", 40}}, "Patients analysed", 960}}, Parts: []FlowPart{{"Development", 576, "178 events (31%)"}, {"Calibration", 192, "60 events (31%)"}, {"Test", 192, "59 events (31%)"}}}),
		"learning":    Learning("Epoch", "Log loss", Curve{Name: "Training", X: steps, Y: train}, Curve{Name: "Validation", X: steps, Y: valid}),
		"missingness": Missingness([]string{"Lactate", "Age", "Sex", "Troponin", "BNP"}, []float64{.42, 0, 0, .18, .61}),
		"confusion":   Confusion([]string{"Benign", "Malignant", "Uncertain"}, [][]int{{210, 12, 5}, {9, 120, 3}, {11, 7, 18}}),
		"scatter":     Scatter(ScatterData{XLabel: "Predicted pIC50", YLabel: "Observed pIC50", X: px, Y: py, Equal: true, Note: "R² 0.89 (0.86–0.91)"}),
		"survival": Survival("Months since diagnosis", []Curve{km("Low risk", .006), km("High risk", .022)}, []AtRisk{
			{"Low risk", times, []int{412, 371, 320, 244, 151, 60}}, {"High risk", times, []int{198, 150, 108, 70, 31, 9}},
		}, []Curve{{X: []float64{20, 41}, Y: []float64{.887, .78}}, {X: []float64{33}, Y: []float64{.484}}}),
		"heatmap": Heatmap(HeatmapData{XLabel: "Age (years)", YLabel: "Chest pain", XNames: []string{"under 45", "45–54", "55–64", "65 and over"}, YNames: []string{"Typical", "Atypical", "None"}, Values: [][]float64{
			{-.21, -.1, .04, .12}, {-.08, .02, .05, .02}, {.1, .07, -.06, math.NaN()},
		}}),
		"empty": ROC(),
	}
}

func samplePicture() []byte {
	img := image.NewGray(image.Rect(0, 0, 32, 32))
	for i := range img.Pix {
		x, y := float64(i%32)-15.5, float64(i/32)-15.5
		img.SetGray(i%32, i/32, color.Gray{uint8(255 * math.Exp(-(x*x+y*y)/90))})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// sampleReport uses every block.
func sampleReport() *Report {
	f := sampleFigures()
	answers := map[string]Answer{
		"1":   {Done, "Title of this page.", ""},
		"5a":  {Partly, "The source is named; whom it represents is for the authors to say.", "cohort"},
		"12c": {Done, "Nested cross-validation over four families of models.", "model"},
		"18f": {Done, "The program and the study file.", "Appendix 2"},
		"20a": {Done, "Flow diagram with events.", "cohort"},
		"23a": {Done, "Bootstrap intervals, overall and in subgroups.", "performance"},
	}
	list, err := TRIPODAI(answers)
	if err != nil {
		panic(err)
	}
	var long [][]string
	for i := range 30 {
		long = append(long, []string{string(rune('A'+i%26)) + " predictor", Num(float64(i)*1.37, 2), Interval(float64(i), float64(i)*1.8, 2)})
	}
	return &Report{
		Title:    "Risk of coronary heart disease",
		Subtitle: "Development and internal validation of a model for adults referred for angiography",
		Facts: []Fact{
			{"Task", "diagnosis/risk"}, {"Data", "heart_cleveland, 303 patients"}, {"Seed", "7"}, {"Version", "galen 0.1.0"}, {"Date", "24 November 2026"}, {"Model", "explainable boosting"},
		},
		Headline: []KeyFigure{
			{"AUROC", "0.89", "95% CI 0.84–0.94", "test set, 91 patients", &Range{.5, 1, .89, .84, .94}},
			{"AUPRC", "0.87", "95% CI 0.80–0.92", "prevalence 0.46", &Range{0, 1, .87, .8, .92}},
			{"Calibration slope", "0.98", "95% CI 0.84–1.12", "ideal 1", &Range{.5, 1.5, .98, .84, 1.12}},
			{"Net benefit at 0.2", "0.36", "95% CI 0.29–0.43", "treat all: 0.32", nil},
		},
		Synthetic: true,
		Sections: []Section{
			{ID: "cohort", Title: "Cohort", Lead: "Who was analysed, who was left out and why.", Blocks: []Block{
				FigureBlock{Figure: f["flow"], Caption: "Rows of the file that entered the analysis."},
				Table{Caption: "Characteristics by outcome", Columns: []string{"", "No disease (n = 164)", "Disease (n = 139)", "Missing"}, Rows: [][]string{
					{"Age, mean (SD)", "52.6 (9.5)", "56.6 (7.9)", "0"}, {"Female, n (%)", "72 (44)", "25 (18)", "0"}, {"Cholesterol (mg/dl)", "242.6 (53.5)", "251.5 (49.5)", "4"},
				}, Footnote: "SD: standard deviation."},
				FigureBlock{Figure: f["missingness"]},
			}},
			{ID: "quality", Title: "Quality of the data", Blocks: []Block{
				Findings{List: []fault.Finding{
					{Name: "rare-category", Severity: fault.Info, Column: "restecg", Message: "one category has 4 rows", Count: 4},
					{Name: "near-duplicate", Severity: fault.Warning, File: "heart.csv", Rows: []int{88, 251}, Count: 2, Message: "two patients agree in all predictors but one", Hint: "look whether they are the same person"},
					{Name: "leak", Severity: fault.Severe, File: "heart.csv", Line: 1, Column: "discharge_code", Message: "this column alone predicts the outcome with an AUROC of 1.00", Hint: "drop it, or say why it is known before the outcome"},
				}, Waived: []string{"leak"}},
				Findings{Caption: "Drift."},
			}},
			{ID: "model", Title: "Choice of the model", Lead: "Four families compared on the same folds.", Blocks: []Block{
				FigureBlock{Figure: f["folds"], Caption: "Each circle is a fold; diamonds are means with 95% intervals."},
				Table{Caption: "Models", Columns: []string{"Model", "AUROC", "Log loss"}, Strong: []int{2}, Rows: [][]string{{"Logistic regression", "0.884 (0.860–0.908)", "0.41"}, {"Random forest", "0.888 (0.870–0.906)", "0.42"}, {"Boosting", "0.898 (0.875–0.921)", "0.39"}}},
				Heading("Training"),
				FigureBlock{Figure: f["learning"]},
				Code{Caption: "The study", Text: "task: diagnosis/risk\ndata: heart_cleveland\nseed: 7\nparams: {model: auto}"},
			}},
			{ID: "performance", Title: "Performance", Blocks: []Block{
				Figures{{Figure: f["roc"], Caption: "Bands are 95% bootstrap intervals."}, {Figure: f["pr"]}, {Figure: f["calibration"]}, {Figure: f["decision"]}},
				FigureBlock{Figure: f["forest"], Title: "AUROC in subgroups", Caption: "Squares grow with the number of patients; the dotted line is the overall value."},
				Figures{{Figure: f["confusion"]}, {Figure: f["scatter"]}, {Figure: f["survival"]}, {Figure: f["histogram"]}, {Figure: f["density"]}, {Figure: f["empty"]}},
				Callout{Caution, "", "The test set is small: intervals are wide."},
			}},
			{ID: "explanation", Title: "Explanation", Blocks: []Block{
				Text("Contributions describe the model, not the disease.\n\nA predictor that matters to the model need not be a cause."),
				Figures{{Figure: f["importance"]}, {Figure: f["waterfall"]}, {Figure: f["effect"]}, {Figure: f["categories"]}, {Figure: f["heatmap"]}},
				List{Items: []string{"Contributions add up to the prediction.", "Correlated predictors share their weight."}},
				Table{Caption: "All predictors", Columns: []string{"Predictor", "Weight", "Interval"}, Rows: long},
				Image{Bytes: samplePicture(), Alt: "A bright spot in the middle of a dark square", Title: "A picture", Width: 200, Pixelated: true},
				KeyValues{{"Method", "exact"}, {"Largest error of the sum", "2e−16"}},
				Callout{Note, "", "Explanations are exact for additive models."},
				Callout{Danger, "Do not use", "Calibration was not checked at this hospital."},
			}},
			{ID: "card", Title: "Model card", Blocks: []Block{ModelCard{Name: "heart-risk", Version: "1", Type: "Explainable boosting, 14 terms", Outcome: "Coronary heart disease at angiography", Limitations: "One centre, 1988."}}},
			{ID: "tripod", Title: "Reporting checklist", Blocks: []Block{list}},
		},
		Footer: "Made by galen 0.1.0 from study heart.yaml with seed 7.",
	}
}
