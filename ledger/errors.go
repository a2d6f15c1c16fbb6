package ledger

import (
	"errors"
	"fmt"
)

// A Code names one way in which data can be wrong. Codes are stable: API
// clients, tests and the hints of commands rely on them.
type Code string

// The codes of this package.
const (
	CodeForm          Code = "bad-form"           // not the shape that the format asks for
	CodeNotCanonical  Code = "not-canonical"      // decodes, but not from the one deterministic encoding
	CodeTooLarge      Code = "too-large"          // beyond a limit of limits.go
	CodeSignature     Code = "bad-signature"      // a signature that does not verify
	CodeHighS         Code = "high-s"             // a malleable secp256k1 signature (s in the upper half)
	CodeSigner        Code = "signer-mismatch"    // signed by another key than the record names
	CodeNetwork       Code = "wrong-network"      // belongs to another network
	CodeChain         Code = "wrong-chain"        // belongs to another chain or member
	CodeNoGrant       Code = "no-grant"           // the signer holds no grant for this kind here
	CodeGrantLimit    Code = "outside-grant"      // the signer's grant is limited to another party or place
	CodeNotAdmin      Code = "not-admin"          // only an admin address of the member may sign this
	CodeRevoked       Code = "revoked"            // the signer was revoked before this position
	CodeDuplicate     Code = "duplicate-record"   // the record stands on the chain already
	CodePrevious      Code = "wrong-previous"     // does not follow the entry before it
	CodeTime          Code = "time-backwards"     // entry time before that of the entry before it
	CodeAhead         Code = "at-in-future"       // event time more than MaxAhead after entry time
	CodeSidecar       Code = "bad-sidecar"        // disclosures or subjects that the record does not cover
	CodeMissing       Code = "missing-disclosure" // disclosures or subjects that the record names are absent
	CodeFrontier      Code = "bad-frontier"       // goes back, names its own chain, or does not cover what it must
	CodeCharter       Code = "bad-charter"        // a charter that is not valid, or not the one named
	CodeNoCharter     Code = "unknown-charter"    // names a charter version that is not held
	CodeCheckpoint    Code = "bad-checkpoint"     // a checkpoint that does not verify or does not fit the chain
	CodeTree          Code = "bad-tree"           // tiles or roots that do not fit the entries
	CodeAttachment    Code = "bad-attachment"     // an attachment whose bytes do not have its digest
	CodeQuorum        Code = "no-quorum"          // fewer cosigners than the quorum
	CodeUnknownChain  Code = "unknown-chain"      // no node with that number in the charter
	CodeHead          Code = "bad-head"           // the stored head does not fit the stored entries
	CodeForked        Code = "forked"             // two signed checkpoints that cannot both be true
	CodeUnreadable    Code = "unreadable"         // the storage did not give the bytes back
	CodeRecordID      Code = "bad-record-index"   // the look-up of a record by id leads elsewhere
	CodeMissingEntry  Code = "missing-entry"      // an entry that the head promises is not there
	CodeMissingAttach Code = "missing-attachment" // a named attachment is not held
)

// An Error says what is wrong with some data. Test for a code with [CodeOf].
type Error struct {
	Code   Code
	Detail string // one sentence, without a final stop
	Err    error  // the cause, or nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Detail, e.Err)
	}
	return e.Detail
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first [Error] in err's chain, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func wrong(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

func because(c Code, err error, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...), Err: err}
}
