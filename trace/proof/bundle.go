package proof

import (
	"bytes"
	"encoding/json"
	"io"

	"suyuan/ledger"
	"suyuan/trace/code"
)

// Format is the value of a bundle's member "format".
const Format = "suyuan-proof/1"

// A Bundle is what a verifier needs to check what is said about one code. Make
// one with [Build] or [Decode].
type Bundle struct {
	Format   string                  `json:"format"`
	URI      string                  `json:"uri"`      // canonical link of the code
	Charters []*ledger.SignedCharter `json:"charters"` // versions 1 to N
	Entries  []ledger.EntryProof     `json:"entries"`  // by chain, position, subject leaf
	Code     Code                    `json:"code"`
}

// Code shows that a code is among those that a run issued, or that it is not:
// one of the two is set.
type Code struct {
	Issued *Inclusion `json:"issued,omitempty"`
	Absent *Absence   `json:"absent,omitempty"`
}

// An Inclusion is the JSON form of a [code.Inclusion].
type Inclusion struct {
	Index   uint64        `json:"index"`   // position in the pack
	Size    uint64        `json:"size"`    // elements of the pack
	Element code.Element  `json:"element"` // hash and index of the code
	Path    []ledger.Hash `json:"path"`    // RFC 6962 audit path, lowest first
}

// An Absence is the JSON form of a [code.Absence].
type Absence struct {
	Before *Inclusion `json:"before,omitempty"`
	After  *Inclusion `json:"after,omitempty"`
}

// Issued is the Code of a code that was issued.
func Issued(p code.Inclusion) Code { return Code{Issued: inclusionOf(&p)} }

// NeverIssued is the Code of a code that was not.
func NeverIssued(p code.Absence) Code {
	return Code{Absent: &Absence{Before: inclusionOf(p.Before), After: inclusionOf(p.After)}}
}

func inclusionOf(p *code.Inclusion) *Inclusion {
	if p == nil {
		return nil
	}
	out := &Inclusion{Index: p.Index, Size: p.Size, Element: p.Element, Path: make([]ledger.Hash, len(p.Proof))}
	for i, node := range p.Proof {
		copy(out.Path[i][:], node)
	}
	return out
}

func (p *Inclusion) proof() *code.Inclusion {
	if p == nil {
		return nil
	}
	out := &code.Inclusion{Index: p.Index, Size: p.Size, Element: p.Element, Proof: make([][]byte, len(p.Path))}
	for i := range p.Path {
		out.Proof[i] = p.Path[i][:]
	}
	return out
}

// Encode returns the bundle's bytes: JSON without white space. The same bundle
// has the same bytes everywhere.
func (b *Bundle) Encode() ([]byte, error) {
	if err := b.checkForm(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, because(CodeFormat, err, "encode bundle")
	}
	if len(raw) > MaxBytes {
		return nil, wrong(ledger.CodeTooLarge, "a bundle of %d bytes is over the limit of %d", len(raw), MaxBytes)
	}
	return raw, nil
}

// Decode reads a bundle and checks its form, not what it says. It accepts what
// Encode gives, with white space between its tokens and nothing else: there is
// no byte that a verifier would pass over. The error's code is [CodeFormat] or
// one of package ledger; errors of r are passed on.
func Decode(r io.Reader) (*Bundle, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBytes {
		return nil, wrong(ledger.CodeTooLarge, "a bundle is over the limit of %d bytes", MaxBytes)
	}
	var b Bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, because(CodeFormat, err, "read bundle")
	}
	again, err := b.Encode()
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, because(CodeFormat, err, "read bundle")
	}
	if !bytes.Equal(compact.Bytes(), again) {
		return nil, wrong(CodeFormat, "the bundle holds something that is not read, or is not in its canonical form")
	}
	return &b, nil
}

// checkForm holds the rules that need nothing but counting.
func (b *Bundle) checkForm() error {
	switch {
	case b.Format != Format:
		return wrong(CodeFormat, "the format is %.40q, not %q", b.Format, Format)
	case len(b.URI) > maxURI:
		return wrong(CodeURI, "a link of %d bytes is over the limit of %d", len(b.URI), maxURI)
	case len(b.Charters) == 0 || len(b.Charters) > MaxCharters:
		return wrong(CodeFormat, "a bundle has 1 to %d charters, not %d", MaxCharters, len(b.Charters))
	case len(b.Entries) == 0 || len(b.Entries) > MaxEntries:
		return wrong(CodeFormat, "a bundle has 1 to %d entries, not %d", MaxEntries, len(b.Entries))
	}
	for i, c := range b.Charters {
		if c == nil {
			return wrong(CodeFormat, "charter %d is missing", i+1)
		}
	}
	for i := range b.Entries {
		if s := b.Entries[i].Subject; s != nil && s.Path != nil && len(s.Path) == 0 {
			return wrong(CodeFormat, "entry %d writes the path of an only subject as a list", i)
		}
	}
	return b.Code.checkForm()
}

func (c *Code) checkForm() error {
	proofs := []*Inclusion{c.Issued}
	switch {
	case (c.Issued == nil) == (c.Absent == nil):
		return wrong(CodeFormat, "a code is either issued or absent")
	case c.Absent != nil:
		proofs = []*Inclusion{c.Absent.Before, c.Absent.After}
	}
	for _, p := range proofs {
		if p != nil && (p.Path == nil || len(p.Path) > maxCodePath) {
			return wrong(CodeFormat, "the path of a code has 0 to %d hashes", maxCodePath)
		}
	}
	return nil
}
