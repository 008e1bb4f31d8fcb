package medcode

// atcNames are the main groups of ATC, the Anatomical Therapeutic Chemical classification of the WHO.
var atcNames = map[byte]string{
	'A': "Alimentary tract and metabolism", 'B': "Blood and blood forming organs", 'C': "Cardiovascular system", 'D': "Dermatologicals", 'G': "Genito-urinary system and sex hormones",
	'H': "Systemic hormonal preparations", 'J': "Antiinfectives for systemic use", 'L': "Antineoplastic and immunomodulating agents", 'M': "Musculo-skeletal system", 'N': "Nervous system",
	'P': "Antiparasitic products", 'R': "Respiratory system", 'S': "Sensory organs", 'V': "Various",
}

// atcLengths are the characters of a code at levels 1 to 5.
var atcLengths = [5]int{1, 3, 4, 5, 7}

// atcLevel is the level of a code, 1 (N) to 5 (N02BE01), or 0 where it has no such form.
func atcLevel(s string) int {
	letter := func(i int) bool { return s[i] >= 'A' && s[i] <= 'Z' }
	for k, n := range atcLengths {
		if len(s) != n {
			continue
		}
		if _, ok := atcNames[s[0]]; !ok {
			return 0
		}
		if n >= 3 && !digits(s[1:3]) || n >= 4 && !letter(3) || n >= 5 && !letter(4) || n >= 7 && !digits(s[5:7]) {
			return 0
		}
		return k + 1
	}
	return 0
}

// ATCAt rolls an ATC code up to a level, 1 (main group) to 5 (substance). "" where the code is above that level.
func ATCAt(code string, level int) string {
	if level < 1 || level > 5 || len(code) < atcLengths[level-1] {
		return ""
	}
	return code[:atcLengths[level-1]]
}

// ATCGroup names the main group of an ATC code; "" where there is none.
func ATCGroup(code string) string {
	if code == "" {
		return ""
	}
	return atcNames[code[0]]
}
