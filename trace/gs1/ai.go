package gs1

import (
	"strconv"
	"strings"
)

// An AI describes a GS1 application identifier.
type AI struct {
	Code  string // two to four digits
	Title string // the data title, such as "BATCH/LOT"

	// Format lists the components of the value in the notation of the
	// General Specifications: N numeric, X character set 82, Y character
	// set 39, Z base64url; a length or "..longest"; brackets around what
	// may be left out; then the checks on it.
	Format string

	Predefined bool // has a length predefined by its first two digits and needs no FNC1
	PrimaryKey bool // identifies something, and may begin a Digital Link
	Attribute  bool // may be a query parameter of a Digital Link

	components []component
	needs      [][]string // each group of patterns would do; none means no need
	excludes   []string   // patterns of AIs that must not be there
	sequences  [][]string // of a primary key: its qualifiers, in order
}

// LookupAI returns the application identifier with that code.
func LookupAI(code string) (AI, bool) {
	ai, ok := table[code]
	return ai, ok
}

// prefixAI returns the application identifier at the start of s. No code
// is the beginning of another, so there is at most one.
func prefixAI(s string) (AI, bool) {
	for n := 2; n <= 4 && n <= len(s); n++ {
		if ai, ok := table[s[:n]]; ok {
			return ai, true
		}
	}
	return AI{}, false
}

// length returns the fewest and the most characters of a value.
func (ai AI) length() (shortest, longest int) {
	for _, c := range ai.components {
		if !c.optional {
			shortest += c.min
		}
		longest += c.max
	}
	return shortest, longest
}

// hasQualifier reports whether code is a qualifier in any of the
// sequences of a primary key.
func (ai AI) hasQualifier(code string) bool {
	for _, seq := range ai.sequences {
		for _, q := range seq {
			if q == code {
				return true
			}
		}
	}
	return false
}

// check returns what is wrong with a value.
func (ai AI) check(value string) *Error {
	shortest, longest := ai.length()
	if len(value) < shortest || len(value) > longest {
		return refuse(AILength, "the value has %s, not %d", lengths(shortest, longest), len(value))
	}
	rest := value
	for _, c := range ai.components {
		if rest == "" && c.optional {
			break
		}
		part := rest[:min(c.max, len(rest))]
		rest = rest[len(part):]
		if err := c.check(part); err != nil {
			return err
		}
	}
	return nil
}

func lengths(shortest, longest int) string {
	if shortest == longest {
		return strconv.Itoa(longest) + " characters"
	}
	return strconv.Itoa(shortest) + " to " + strconv.Itoa(longest) + " characters"
}

// A component is a part of a value with rules of its own. Only the last
// one of a value has a length that varies.
type component struct {
	set      linter // its characters
	min, max int    // characters
	optional bool
	lints    []linter
}

func (c component) check(part string) *Error {
	if len(part) < c.min {
		return refuse(AILength, "the part %s has fewer than %d characters", quote(part), c.min)
	}
	if err := c.set(part); err != nil {
		return err
	}
	for _, lint := range c.lints {
		if err := lint(part); err != nil {
			return err
		}
	}
	return nil
}

// parseFormat reads the components of [AI.Format]. The format is a
// constant of this package, so it is taken to be right; the tests hold
// it to that.
func parseFormat(format string) []component {
	var list []component
	for _, word := range strings.Fields(format) {
		parts := strings.Split(word, ",")
		size := strings.Trim(parts[0], "[]")
		c := component{set: sets[size[0]], optional: size != parts[0]}
		if longest, ok := strings.CutPrefix(size[1:], ".."); ok {
			c.min, c.max = 1, atoi(longest)
		} else {
			c.min, c.max = atoi(longest), atoi(longest)
		}
		for _, name := range parts[1:] {
			c.lints = append(c.lints, linters[name])
		}
		list = append(list, c)
	}
	return list
}

// sets are the character sets by their letters in a format.
var sets = map[byte]linter{
	'N': linters["csetnumeric"],
	'X': linters["cset82"],
	'Y': linters["cset39"],
	'Z': linters["cset64"],
}

// A row of the table describes one AI, or several whose codes differ in
// the last digit.
type row struct {
	code       string // "21", or "3900-3909"
	title      string
	flags      flags
	format     string
	needs      string // "01+21,8006": with 01 and 21, or with 8006; n is any digit
	excludes   string // "255,39nn"
	qualifiers string // "22,10,21|235": two sequences, of which parts may be left out
}

type flags uint8

const (
	fixed flags = 1 << iota // AI.Predefined
	attr                    // AI.Attribute
	key                     // AI.PrimaryKey
)

// table holds all application identifiers by code.
var table = buildTable()

func buildTable() map[string]AI {
	t := make(map[string]AI)
	for _, r := range append(measures(), rows...) {
		first, last, ranged := strings.Cut(r.code, "-")
		if !ranged {
			last = first
		}
		for n := atoi(first); n <= atoi(last); n++ {
			code := strings.Repeat("0", len(first)-len(strconv.Itoa(n))) + strconv.Itoa(n)
			t[code] = r.describe(code)
		}
	}
	return t
}

func (r row) describe(code string) AI {
	ai := AI{
		Code:       code,
		Title:      r.title,
		Format:     r.format,
		Predefined: r.flags&fixed != 0,
		PrimaryKey: r.flags&key != 0,
		Attribute:  r.flags&attr != 0,
		components: parseFormat(r.format),
		excludes:   split(r.excludes, ","),
	}
	for _, group := range split(r.needs, ",") {
		ai.needs = append(ai.needs, split(group, "+"))
	}
	for _, sequence := range split(r.qualifiers, "|") {
		ai.sequences = append(ai.sequences, split(sequence, ","))
	}
	return ai
}

// split is strings.Split, except that nothing has no parts.
func split(s, sep string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}
