package epcis

import "fmt"

// An Error says why a document or an event is refused.
type Error struct {
	code   string
	Field  string // the attribute at fault: readPoint.id, epcList[3]
	Detail string // one sentence without its full stop
}

// The stable codes of errors. What is wrong with a draft once it is one has the
// codes of package trace.
const (
	CodeForm      = "epcis-form"      // not EPCIS 2.0 in JSON, or over a limit
	CodeMissing   = "epcis-missing"   // does not say something that its record has to
	CodeUnmapped  = "epcis-unmapped"  // says something for which records have no place
	CodeNoKind    = "epcis-no-kind"   // no kind of record stands for such an event
	CodeID        = "epcis-id"        // an identifier that names no goods, party, place or event
	CodeClass     = "epcis-class"     // a class of goods where records need serials or a lot
	CodeParts     = "epcis-parts"     // one record's events of which some are missing
	CodeDisagrees = "epcis-disagrees" // the standard's lists and the extension tell of different goods
	CodeNotOwn    = "epcis-not-own"   // somebody else's event or place
	CodeTooMany   = "epcis-too-many"  // more events than a document may have
)

func refuse(code, field, format string, args ...any) *Error {
	return &Error{code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Detail
	}
	return e.Field + ": " + e.Detail
}

// Code is the stable code.
func (e *Error) Code() string { return e.code }

// Status is the HTTP status that fits.
func (e *Error) Status() int {
	switch e.code {
	case CodeForm:
		return 400
	case CodeTooMany:
		return 413
	}
	return 422
}
