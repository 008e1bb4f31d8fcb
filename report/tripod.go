package report

import (
	"fmt"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Status says how far an item of a checklist is reported.
type Status uint8

// The zero value is Missing: what nobody answered is missing.
const (
	Missing Status = iota
	Partly
	Done
	NotApplicable
)

// Word is the status in words.
func (s Status) Word() string {
	return [...]string{"Missing", "Partly", "Reported", "Not applicable"}[min(s, NotApplicable)]
}

// Mark is the status as a shape.
func (s Status) Mark() string { return [...]string{"○", "◐", "●", "–"}[min(s, NotApplicable)] }

// Class is the style of the status.
func (s Status) Class() string {
	return [...]string{"missing", "partly", "done", "na"}[min(s, NotApplicable)]
}

// Answer is what a run can say to one item.
type Answer struct {
	Status Status
	Text   string
	Where  string // ID of the section that holds it, which becomes a link, or other words
}

// Item is one item of a checklist.
type Item struct {
	Number  string // "12a"
	Section string // "Methods"
	Topic   string // "Analytical methods"
	Text    string // what to report
	Answer  Answer
}

// Checklist is a reporting checklist with its answers. The page states the count first.
type Checklist struct {
	Title  string
	Source string // the paper, in words
	Items  []Item
}

func (Checklist) kind() string { return "checklist" }

// Count returns how many items have a status.
func (c Checklist) Count(s Status) int {
	n := 0
	for _, it := range c.Items {
		if it.Answer.Status == s {
			n++
		}
	}
	return n
}

// Summary is the sentence at the top of the checklist.
func (c Checklist) Summary() string {
	done, partly, missing, na := c.Count(Done), c.Count(Partly), c.Count(Missing), c.Count(NotApplicable)
	s := fmt.Sprintf("%d of %d reported by this run", done, len(c.Items))
	if partly > 0 {
		s += fmt.Sprintf(", %d partly", partly)
	}
	if na > 0 {
		s += fmt.Sprintf(", %d not applicable", na)
	}
	switch missing {
	case 0:
		return s + "."
	case 1:
		return s + "; 1 is for the authors."
	}
	return fmt.Sprintf("%s; %d are for the authors.", s, missing)
}

// TRIPODAI returns the TRIPOD+AI checklist (Collins et al., BMJ 2024;385:e078378: 27 items, 52 with their
// parts), worded by Galen, with the answers of a run by item number. An answer to an item that does not
// exist is an error.
func TRIPODAI(answers map[string]Answer) (Checklist, error) {
	c := Checklist{
		Title:  "TRIPOD+AI",
		Source: "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement. BMJ 2024;385:e078378. Items in Galen's words; the statement itself decides.",
		Items:  slices.Clone(tripod[:]),
	}
	found := 0
	for i := range c.Items {
		if a, ok := answers[c.Items[i].Number]; ok {
			c.Items[i].Answer = a
			found++
		}
	}
	if found == len(answers) {
		return c, nil
	}
	var unknown []string
	for k := range answers {
		if !slices.ContainsFunc(c.Items, func(it Item) bool { return it.Number == k }) {
			unknown = append(unknown, fmt.Sprintf("%q", k))
		}
	}
	slices.Sort(unknown)
	return Checklist{}, fault.Errorf(fault.Internal, "TRIPOD+AI has no item %s", strings.Join(unknown, ", "))
}

// tripod is the checklist. Only the numbers and topics are those of the statement.
var tripod = [...]Item{
	{Number: "1", Section: "Title", Topic: "Title", Text: "Say that a prediction model is developed or evaluated, in whom, and for which outcome."},
	{Number: "2", Section: "Abstract", Topic: "Abstract", Text: "Give an abstract by the TRIPOD+AI list for abstracts."},
	{Number: "3a", Section: "Introduction", Topic: "Background", Text: "Explain the clinical setting (diagnosis or prognosis), why a model is needed, and which models exist."},
	{Number: "3b", Section: "Introduction", Topic: "Background", Text: "State the target population, the purpose in the care pathway and the intended users."},
	{Number: "3c", Section: "Introduction", Topic: "Background", Text: "Describe known inequalities in health between sociodemographic groups."},
	{Number: "4", Section: "Introduction", Topic: "Objectives", Text: "State the objectives: development, evaluation or both."},
	{Number: "5a", Section: "Methods", Topic: "Data", Text: "Describe the sources of data for development and evaluation, why they were used and whom they represent."},
	{Number: "5b", Section: "Methods", Topic: "Data", Text: "Give the dates of accrual and of the end of follow-up."},
	{Number: "6a", Section: "Methods", Topic: "Participants", Text: "Describe the setting, with number and place of centres."},
	{Number: "6b", Section: "Methods", Topic: "Participants", Text: "State who was eligible."},
	{Number: "6c", Section: "Methods", Topic: "Participants", Text: "Describe treatments received and how the analysis handled them."},
	{Number: "7", Section: "Methods", Topic: "Data preparation", Text: "Describe preprocessing and quality checks, and whether they were alike in all groups."},
	{Number: "8a", Section: "Methods", Topic: "Outcome", Text: "Define the outcome and its time horizon, how and when it was assessed, why it was chosen, and whether assessment was alike in all groups."},
	{Number: "8b", Section: "Methods", Topic: "Outcome", Text: "Where assessment needs judgement, describe the assessors."},
	{Number: "8c", Section: "Methods", Topic: "Outcome", Text: "Say how assessors of the outcome were blinded."},
	{Number: "9a", Section: "Methods", Topic: "Predictors", Text: "Say how candidate predictors were chosen before modelling."},
	{Number: "9b", Section: "Methods", Topic: "Predictors", Text: "Define every predictor, how and when it was measured, and any blinding."},
	{Number: "9c", Section: "Methods", Topic: "Predictors", Text: "Where measurement needs judgement, describe the assessors."},
	{Number: "10", Section: "Methods", Topic: "Sample size", Text: "Explain how the sizes for development and evaluation came about and why they suffice."},
	{Number: "11", Section: "Methods", Topic: "Missing data", Text: "Describe how missing values were handled, and why any data were left out."},
	{Number: "12a", Section: "Methods", Topic: "Analytical methods", Text: "Describe how the data were used and divided for development and evaluation."},
	{Number: "12b", Section: "Methods", Topic: "Analytical methods", Text: "Describe how predictors entered the model: form, scaling, transformation."},
	{Number: "12c", Section: "Methods", Topic: "Analytical methods", Text: "Name the type of model and why, every step of building it, tuning included, and the internal validation."},
	{Number: "12d", Section: "Methods", Topic: "Analytical methods", Text: "Say how differences between clusters, such as hospitals, were handled and measured."},
	{Number: "12e", Section: "Methods", Topic: "Analytical methods", Text: "Name all measures and plots of performance with reasons, and how models were compared."},
	{Number: "12f", Section: "Methods", Topic: "Analytical methods", Text: "Describe any updating after evaluation, such as recalibration, overall or for groups."},
	{Number: "12g", Section: "Methods", Topic: "Analytical methods", Text: "For evaluation, say how predictions were computed: formula, code, object or service."},
	{Number: "13", Section: "Methods", Topic: "Class imbalance", Text: "If imbalance was treated, say why and how, and how the predictions were recalibrated."},
	{Number: "14", Section: "Methods", Topic: "Fairness", Text: "Describe what was done for fairness, and why."},
	{Number: "15", Section: "Methods", Topic: "Model output", Text: "State what the model puts out; for classes, why, and how thresholds were found."},
	{Number: "16", Section: "Methods", Topic: "Training and evaluation data", Text: "Name differences between them in setting, eligibility, outcome and predictors."},
	{Number: "17", Section: "Methods", Topic: "Ethical approval", Text: "Name the committee that approved the study, and the consent or its waiver."},
	{Number: "18a", Section: "Open science", Topic: "Funding", Text: "Give the sources of funding and the part the funders played."},
	{Number: "18b", Section: "Open science", Topic: "Conflicts of interest", Text: "Declare interests and finances of all authors."},
	{Number: "18c", Section: "Open science", Topic: "Protocol", Text: "Say where the protocol is, or that there is none."},
	{Number: "18d", Section: "Open science", Topic: "Registration", Text: "Give the register and number, or say that the study is not registered."},
	{Number: "18e", Section: "Open science", Topic: "Data sharing", Text: "Say whether and how the data can be had."},
	{Number: "18f", Section: "Open science", Topic: "Code sharing", Text: "Say whether and how the code of the analysis can be had."},
	{Number: "19", Section: "Patient and public involvement", Topic: "Involvement", Text: "Describe how patients and the public took part, or say that they did not."},
	{Number: "20a", Section: "Results", Topic: "Participants", Text: "Show the flow of participants, with and without the outcome, and the follow-up."},
	{Number: "20b", Section: "Results", Topic: "Participants", Text: "Report characteristics overall and by source: dates, predictors, treatments, size, events, follow-up, missing values, and differences between groups."},
	{Number: "20c", Section: "Results", Topic: "Participants", Text: "For evaluation, compare predictors and outcome with the development data."},
	{Number: "21", Section: "Results", Topic: "Model development", Text: "Give participants and events in each analysis: development, tuning, evaluation."},
	{Number: "22", Section: "Results", Topic: "Model specification", Text: "Give the full model so that others can predict with it, and any limits on its use."},
	{Number: "23a", Section: "Results", Topic: "Model performance", Text: "Report performance with intervals, also for key subgroups, and consider plots."},
	{Number: "23b", Section: "Results", Topic: "Model performance", Text: "Report differences in performance between clusters, if examined."},
	{Number: "24", Section: "Results", Topic: "Model updating", Text: "Report any updating: the new model and its performance."},
	{Number: "25", Section: "Discussion", Topic: "Interpretation", Text: "Interpret the results, fairness included, beside the objectives and earlier studies."},
	{Number: "26", Section: "Discussion", Topic: "Limitations", Text: "Discuss limitations and what they do to bias, uncertainty and generalisability."},
	{Number: "27a", Section: "Discussion", Topic: "Usability", Text: "Say how poor or missing input should be recognised and handled in use."},
	{Number: "27b", Section: "Discussion", Topic: "Usability", Text: "Say whether users must handle the input or the model, and what expertise that takes."},
	{Number: "27c", Section: "Discussion", Topic: "Usability", Text: "Name the next steps, above all for applicability and generalisability."},
}
