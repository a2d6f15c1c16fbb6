package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// A Lang is a language that the pages speak, as its BCP 47 tag.
type Lang string

// The languages.
const (
	Zh Lang = "zh-CN"
	En Lang = "en"
)

// langs has the language of choice first: it is for those who name none.
var langs = []Lang{Zh, En}

// Short is what links and cookies call the language.
func (l Lang) Short() string {
	if l == En {
		return "en"
	}
	return "zh"
}

// parseLang reads what Short gives.
func parseLang(s string) (Lang, bool) {
	for _, l := range langs {
		if s == l.Short() {
			return l, true
		}
	}
	return "", false
}

// Choose picks the language of a request: what the link asks for, else what was
// chosen before, else what the browser prefers (RFC 9110 section 12.5.4), else
// Chinese. chosen is true if the link asked, so that the choice can be kept.
func Choose(query, cookie, acceptLanguage string) (l Lang, chosen bool) {
	if l, ok := parseLang(query); ok {
		return l, true
	}
	if l, ok := parseLang(cookie); ok {
		return l, false
	}
	if len(acceptLanguage) > maxAcceptLanguage {
		return langs[0], false
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return langs[0], false
	}
	_, i, _ := matcher.Match(tags...)
	return langs[i], false
}

// matcher finds the language of langs that is nearest to others. Making one
// costs more than all else here.
var matcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})

// maxAcceptLanguage bounds the header that is parsed, in bytes. Browsers send
// under a hundred; parsing takes more than linear time.
const maxAcceptLanguage = 512

// A Text is something said in both languages.
type Text struct{ Zh, En string }

// In returns the text in l, or in the other language if there is none in l.
func (t Text) In(l Lang) string {
	if l == En && t.En != "" || t.Zh == "" {
		return t.En
	}
	return t.Zh
}

// IsZero reports whether the text says nothing.
func (t Text) IsZero() bool { return t == Text{} }

//go:embed words/*.json
var wordFiles embed.FS

// readWords decodes the words of a language strictly.
func readWords(l Lang) (*Words, error) {
	name := "words/" + l.Short() + ".json"
	data, err := wordFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	w := new(Words)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(w); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return w, nil
}

// fill replaces {name} in a phrase by the value that follows the name in pairs.
func fill(phrase string, pairs ...any) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		phrase = strings.ReplaceAll(phrase, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return phrase
}

// instant shows when something happened, in the time zone of t.
func instant(l Lang, t time.Time) string {
	if l == En {
		return t.Format("2 Jan 2006, 15:04")
	}
	return t.Format("2006年1月2日 15:04")
}

// day shows a calendar date.
func day(l Lang, t time.Time) string {
	if l == En {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2006年1月2日")
}

// zone shows the offset of t from UTC, as UTC+8 or UTC−3:30.
func zone(t time.Time) string {
	_, seconds := t.Zone()
	sign, minutes := "+", seconds/60
	if minutes < 0 {
		sign, minutes = "−", -minutes
	}
	switch {
	case minutes == 0:
		return "UTC"
	case minutes%60 == 0:
		return fmt.Sprintf("UTC%s%d", sign, minutes/60)
	default:
		return fmt.Sprintf("UTC%s%d:%02d", sign, minutes/60, minutes%60)
	}
}
