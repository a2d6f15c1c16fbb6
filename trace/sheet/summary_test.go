package sheet

import (
	"strings"
	"testing"
)

// What a summary shows of a subject can be written to have it.
func TestSubjectsAsPeopleWriteThem(t *testing.T) {
	for _, text := range []string{
		"https://lanzhi.example/01/06901234567892/21/ABC",
		"(01)06901234567892(21)ABC",
		"(00)069012340000000016",
		"06901234567892",
		"06901234567892/3/10-600",
		"06901234567892 lot L-1/2",
		"06901234567892/0/0-23 in (00)069012340000000016",
		"(00)069012340000000016 in (00)069012340000000023",
		"06901234567892 lot L1 in (00)069012340000000016",
		"16901234567899/1/0-9 of 06901234567892/0/0-59",
		"16901234567899/1/0-9 of 06901234567892 lot L9",
		"416 units of 24: 06901234567892/0/0 in 16901234567899/0/0",
	} {
		s, err := ParseSubject(text)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if got := SubjectText(s); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	for text, same := range map[string]string{
		" 00069012340000000016": "(00)069012340000000016",
		"069012340000000016":    "(00)069012340000000016",
		"6901234567892":         "06901234567892",
		"06901234567892/3/10":   "06901234567892/3/10-10",
	} {
		if s, err := ParseSubject(text); err != nil || SubjectText(s) != same {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{
		"", "ABC", "069012345678", "06901234567893", "06901234567892/0/1-5xyz", "06901234567892/0/5-1", "06901234567892 lot ",
		"069012340000000017", "06901234567892/0/0-23 in ", " of 06901234567892/0/0-23", "06901234567892/99999/0-1",
	} {
		if s, err := ParseSubject(text); err == nil {
			t.Errorf("%q was read as %s", text, SubjectText(s))
		} else if !strings.Contains(err.Error(), "subject") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
