package gs1

import "slices"

// Check returns an [*Error] unless each element is right and they may
// stand together on one item: no AI has two values, none is with one
// that it excludes, and each is with those that it needs (General
// Specifications, section 4.13, data relationships). Elements that come from
// several bar codes of one item are checked together.
func Check(list []Element) error {
	for _, e := range list {
		if err := e.Check(); err != nil {
			return err
		}
	}
	for i, e := range list {
		ai, _ := LookupAI(e.AI)
		if err := checkRepeated(e, list[i+1:]); err != nil {
			return err
		}
		if err := checkExcluded(ai, list); err != nil {
			return err
		}
		if err := checkNeeds(ai, list); err != nil {
			return err
		}
	}
	return checkSigned(list)
}

func checkRepeated(e Element, others []Element) error {
	for _, o := range others {
		if o.AI == e.AI && o.Value != e.Value {
			return withAI(e.AI, refuse(AIRepeated, "the values %s and %s contradict each other", quote(e.Value), quote(o.Value)))
		}
	}
	return nil
}

func checkExcluded(ai AI, list []Element) error {
	for _, pattern := range ai.excludes {
		for _, o := range list {
			if o.AI != ai.Code && matches(pattern, o.AI) {
				return withAI(ai.Code, refuse(AIConflict, "it must not be together with AI (%s)", o.AI))
			}
		}
	}
	return nil
}

func checkNeeds(ai AI, list []Element) error {
	if len(ai.needs) == 0 {
		return nil
	}
	for _, group := range ai.needs {
		if hasAll(group, list) {
			return nil
		}
	}
	return withAI(ai.Code, refuse(AIMissing, "it needs %s beside it", needsText(ai.needs)))
}

// checkSigned requires that what a digital signature (8030) signs is one
// item: keys with an optional serial must have it.
func checkSigned(list []Element) error {
	if !hasAll([]string{"8030"}, list) {
		return nil
	}
	for _, e := range list {
		switch e.AI {
		case "253", "255", "8003":
			ai, _ := LookupAI(e.AI)
			if shortest, _ := ai.length(); len(e.Value) == shortest {
				return withAI(e.AI, refuse(AIMissing, "it needs its serial part beside a digital signature"))
			}
		}
	}
	return nil
}

// hasAll reports whether there is an AI for each of the patterns.
func hasAll(patterns []string, list []Element) bool {
	for _, p := range patterns {
		if !slices.ContainsFunc(list, func(e Element) bool { return matches(p, e.AI) }) {
			return false
		}
	}
	return true
}

// matches compares a code with a pattern, in which n is any digit.
func matches(pattern, code string) bool {
	if len(pattern) != len(code) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != 'n' && pattern[i] != code[i] {
			return false
		}
	}
	return true
}

// needsText returns "(01) with (21), or (8006)".
func needsText(groups [][]string) string {
	text := ""
	for i, group := range groups {
		if i > 0 {
			text += ", or "
		}
		for j, p := range group {
			if j > 0 {
				text += " with "
			}
			text += "(" + p + ")"
		}
	}
	return text
}
