package proof

import (
	"fmt"

	"suyuan/ledger"
)

// The codes of this package, beside those of package ledger for charters,
// signatures, grants, paths and quorums. [ledger.CodeOf] finds them.
const (
	CodeFormat     ledger.Code = "bundle-format"     // not the one form that a bundle has
	CodeURI        ledger.Code = "bundle-uri"        // not the canonical link of an item
	CodeCheckpoint ledger.Code = "bundle-checkpoint" // two checkpoints of one chain, or lines of nobody
	CodeCharter    ledger.Code = "bundle-charter"    // the charter entry that governs an entry is not shown
	CodeEvent      ledger.Code = "bundle-event"      // an entry that is no event of the item
	CodeSubject    ledger.Code = "bundle-subject"    // the subject shown does not cover the item
	CodeAudience   ledger.Code = "bundle-audience"   // shows what the presenter of a code may not see
	CodeCode       ledger.Code = "bundle-code"       // the code is not proven issued or never issued
	CodeAuthority  ledger.Code = "bundle-authority"  // not signed for the member that has the GTIN
)

func wrong(c ledger.Code, format string, args ...any) error {
	return &ledger.Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

func because(c ledger.Code, err error, format string, args ...any) error {
	return &ledger.Error{Code: c, Detail: fmt.Sprintf(format, args...), Err: err}
}
