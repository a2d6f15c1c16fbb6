package gs1

import (
	"errors"
	"fmt"
)

// A Code names a reason for refusal. Codes are stable: callers may
// store, show and compare them. A Code is an error itself, so that
// errors.Is(err, gs1.GTINCheckDigit) asks for a reason.
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// The reasons why a key is refused.
const (
	GTINLength     Code = "gtin-length"
	GTINCharacter  Code = "gtin-character"
	GTINCheckDigit Code = "gtin-check-digit"
	GTINZero       Code = "gtin-zero"
	SSCCLength     Code = "sscc-length"
	SSCCCharacter  Code = "sscc-character"
	SSCCCheckDigit Code = "sscc-check-digit"
	SSCCZero       Code = "sscc-zero"
	GLNLength      Code = "gln-length"
	GLNCharacter   Code = "gln-character"
	GLNCheckDigit  Code = "gln-check-digit"
	GLNZero        Code = "gln-zero"
)

// The reasons why an element, a list of elements or a URI is refused.
// Elements whose value is a GTIN, SSCC or GLN are refused with the codes
// of that key instead of AILength, AICharacter and AICheckDigit.
const (
	UnknownAI         Code = "unknown-ai"         // no such application identifier
	AILength          Code = "ai-length"          // value too short or too long
	AICharacter       Code = "ai-character"       // character outside the AI's set
	AICheckDigit      Code = "ai-check-digit"     // wrong check digit or pair
	AIValue           Code = "ai-value"           // no such date, country, ...
	AIRepeated        Code = "ai-repeated"        // one AI with two values
	AIMissing         Code = "ai-missing"         // an AI that must accompany is not there
	AIConflict        Code = "ai-conflict"        // two AIs that exclude each other
	ElementSyntax     Code = "element-syntax"     // not an element string
	ElementsLength    Code = "elements-length"    // longer than MaxElementBytes
	NotDigitalLink    Code = "not-digital-link"   // another kind of URI, or none
	URILength         Code = "uri-length"         // longer than MaxURIBytes
	URICharacter      Code = "uri-character"      // character that no URI has
	KeyQualifier      Code = "key-qualifier"      // not with this key, or not in this order
	AttributePosition Code = "attribute-position" // belongs in the path, or not in a link
)

// An Error says why something was refused.
type Error struct {
	Code   Code
	AI     string // the application identifier at fault, or empty
	Detail string // one English sentence without its full stop
}

// Error returns the sentence, after the AI where there is one.
func (e *Error) Error() string {
	if e.AI == "" {
		return e.Detail
	}
	return "AI (" + e.AI + "): " + e.Detail
}

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }

// CodeOf returns the code of the first refusal in err's tree, or the
// empty code if there is none.
func CodeOf(err error) Code {
	var c Code
	errors.As(err, &c)
	return c
}

func refuse(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// quote makes foreign text fit for a message: escaped, and cut if long.
func quote(s string) string {
	if len(s) > maxQuoted {
		return fmt.Sprintf("%q…", s[:maxQuoted])
	}
	return fmt.Sprintf("%q", s)
}
