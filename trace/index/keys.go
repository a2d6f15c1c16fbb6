package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// formatVersion is the version of everything in this file.
const formatVersion = 5

// version says how an index was filled. One with another version is dropped on
// opening and filled again: under other rules of the fold it may lack the events
// of kinds that were not known then.
const version uint64 = formatVersion<<32 | trace.Rules

// The first byte of a key. Numbers are never reused.
const (
	tagVersion byte = 0x00
	tagApplied byte = 0x01
	tagRun     byte = 0x10
	tagSSCC    byte = 0x11
	tagLot     byte = 0x12
	tagGTIN    byte = 0x13
	tagPlace   byte = 0x14
	tagParty   byte = 0x15
	tagEntry   byte = 0x16
	tagForeign byte = 0x17
	tagFileOf  byte = 0x19
	tagNumber  byte = 0x1a
)

// The byte that stands after the run in a key under tagRun.
const (
	partLevels byte = 0x00
	partRecord byte = 0x01
	partRange  byte = 0x02
)

// Lengths in bytes.
const (
	levelPrefixLen = 1 + 6 + 2 + 1 + 1
	blockKeyLen    = levelPrefixLen + 3
	suffixLen      = 4 + 8 + 2
	spanLen        = 3 + 3
)

// runID names a run of codes.
type runID struct {
	gtin   gs1.GTIN
	number uint16
}

func runOf(i trace.Item) runID { return runID{i.GTIN, i.Run} }

func versionKey() []byte { return []byte{tagVersion} }

func appliedKey(chain uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tagApplied}, chain)
}

func parseAppliedKey(key []byte) (chain uint32, ok bool) {
	if len(key) != 5 || key[0] != tagApplied {
		return 0, false
	}
	return binary.BigEndian.Uint32(key[1:]), true
}

func levelsKey(r runID) []byte { return appendRunKey(nil, r, partLevels) }

func runRecordPrefix(r runID) []byte { return appendRunKey(nil, r, partRecord) }

// appendBlockKey appends the prefix of all ranges that touch a block.
func appendBlockKey(b []byte, r runID, level int, block uint32) []byte {
	b = appendRunKey(b, r, partRange)
	b = append(b, byte(level))
	return appendUint24(b, block)
}

// parseBlockKey returns the block and the position of a range's key. Whoever
// scans knows the run and the level.
func parseBlockKey(key []byte) (block uint32, pos trace.Position, ok bool) {
	if pos, ok = parseSuffix(key, blockKeyLen); !ok {
		return 0, pos, false
	}
	return uint24(key[levelPrefixLen:]), pos, true
}

func appendRunKey(b []byte, r runID, part byte) []byte {
	b = append(b, tagRun)
	b = appendRun(b, r)
	return append(b, part)
}

func ssccPrefix(sscc gs1.SSCC) []byte {
	return binary.BigEndian.AppendUint64([]byte{tagSSCC}, sscc.Uint64())
}

func lotPrefix(gtin gs1.GTIN, lot string) []byte {
	return appendText(appendUint48([]byte{tagLot}, gtin.Uint64()), lot)
}

func gtinPrefix(gtin gs1.GTIN) []byte { return appendUint48([]byte{tagGTIN}, gtin.Uint64()) }

func placePrefix(member, id string) []byte {
	return appendText(appendText([]byte{tagPlace}, member), id)
}

func partyPrefix(member, slug string) []byte {
	return appendText(appendText([]byte{tagParty}, member), slug)
}

func entryPrefix(hash ledger.Hash) []byte { return append([]byte{tagEntry}, hash[:]...) }

func foreignPrefix(gtin gs1.GTIN) []byte { return appendUint48([]byte{tagForeign}, gtin.Uint64()) }

func filePrefix(digest ledger.Hash, member, slug string) []byte {
	return appendText(appendText(append([]byte{tagFileOf}, digest[:]...), member), slug)
}

func numberPrefix(g gs1.GLN, member string) []byte {
	return appendText(appendUint48([]byte{tagNumber}, g.Uint64()), member)
}

func namedPrefix(g gs1.GLN, member string, n Named) []byte {
	return appendText(appendText(numberPrefix(g, member), n.Slug), n.Place)
}

// appendSuffix appends what makes the key of one subject of one event unique.
func appendSuffix(b []byte, pos trace.Position, n uint16) []byte {
	b = binary.BigEndian.AppendUint32(b, pos.Chain)
	b = binary.BigEndian.AppendUint64(b, pos.Seq)
	return binary.BigEndian.AppendUint16(b, n)
}

// parseSuffix returns the position at the end of a key with the given prefix
// length.
func parseSuffix(key []byte, prefixLen int) (trace.Position, bool) {
	if len(key) != prefixLen+suffixLen {
		return trace.Position{}, false
	}
	at := key[prefixLen:]
	return trace.Position{Chain: binary.BigEndian.Uint32(at), Seq: binary.BigEndian.Uint64(at[4:])}, true
}

func appendRun(b []byte, r runID) []byte {
	return binary.BigEndian.AppendUint16(appendUint48(b, r.gtin.Uint64()), r.number)
}

func parseRun(b []byte) (runID, error) {
	gtin, err := gs1.GTINFromUint64(uint48(b))
	return runID{gtin, binary.BigEndian.Uint16(b[6:])}, err
}

// appendText appends a length and a text that the caller has checked with
// checkText.
func appendText(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

func appendUint24(b []byte, v uint32) []byte { return append(b, byte(v>>16), byte(v>>8), byte(v)) }

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func appendUint48(b []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(v>>40), byte(v>>32)), uint32(v))
}

func uint48(b []byte) uint64 {
	return uint64(b[0])<<40 | uint64(b[1])<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

// A role says in which way a subject is an event's.
type role byte

// The roles. Numbers are never reused.
const (
	roleAbout   role = 1 // the event is about it
	roleContent role = 2 // it is, or was, content of a unit
	rolePattern role = 3 // as roleContent, for every code of a pattern
	roleUnit    role = 4 // it is a unit, and the event tells of its content
	roleLot     role = 5 // the event is about it, and says of which lot it is
	roleMade    role = 6 // something was made of it, or it of something, perhaps of a lot
)

// The first byte of a unit.
const (
	unitCode byte = 1
	unitSSCC byte = 2

	codeLen = 6 + 2 + 3
	ssccLen = 8
)

func appendUnit(b []byte, u trace.Item) []byte {
	if u.Kind == trace.ItemSSCC {
		return binary.BigEndian.AppendUint64(append(b, unitSSCC), u.SSCC.Uint64())
	}
	return appendCode(append(b, unitCode), u)
}

func parseUnit(b []byte) (trace.Item, error) {
	switch {
	case len(b) == 1+codeLen && b[0] == unitCode:
		return parseCode(b[1:])
	case len(b) == 1+ssccLen && b[0] == unitSSCC:
		sscc, err := gs1.SSCCFromUint64(binary.BigEndian.Uint64(b[1:]))
		return trace.Unit(sscc), err
	}
	return trace.Item{}, fmt.Errorf("unit %x", b)
}

func appendCode(b []byte, i trace.Item) []byte {
	return appendUint24(appendRun(b, runOf(i)), i.Index)
}

func parseCode(b []byte) (trace.Item, error) {
	r, err := parseRun(b)
	return trace.Code(r.gtin, r.number, uint24(b[8:])), err
}

// A mark is the value of a key: how the subject is the event's, and where to
// look next.
type mark struct {
	role role
	unit trace.Item // roleContent; rolePattern: the unit of the first code
	per  uint32     // rolePattern: codes in a unit, at least 1
	lot  string     // roleLot; roleMade, or ""
}

// appendMark appends a mark. Its lot has been held against maxText.
func appendMark(b []byte, m mark) []byte {
	b = append(b, byte(m.role))
	switch m.role {
	case roleContent:
		return appendUnit(b, m.unit)
	case rolePattern:
		return appendCode(appendUint24(b, m.per), m.unit)
	case roleLot, roleMade:
		return append(b, m.lot...)
	}
	return b
}

func parseMark(b []byte) (m mark, err error) {
	if len(b) == 0 {
		return m, fmt.Errorf("%w: no mark", ErrDamaged)
	}
	m.role = role(b[0])
	switch rest := b[1:]; {
	case m.role == roleContent:
		m.unit, err = parseUnit(rest)
	case m.role == rolePattern && len(rest) == 3+codeLen && uint24(rest) > 0:
		m.per = uint24(rest)
		m.unit, err = parseCode(rest[3:])
	case (m.role == roleLot && len(rest) > 0 || m.role == roleMade) && len(rest) <= maxText:
		m.lot = string(rest)
	case (m.role == roleAbout || m.role == roleUnit) && len(rest) == 0:
	default:
		err = errors.New("no such form")
	}
	if err != nil {
		return mark{}, fmt.Errorf("%w: mark %x: %w", ErrDamaged, b, err)
	}
	return m, nil
}

// appendRangeValue appends the value of a range's key: the range and its mark.
func appendRangeValue(b []byte, from, to uint32, m mark) []byte {
	return appendMark(appendUint24(appendUint24(b, from), to), m)
}

// parseSpan parses the range at the beginning of a range's value, spanLen bytes.
func parseSpan(b []byte) (trace.Span, error) {
	if len(b) < spanLen {
		return trace.Span{}, fmt.Errorf("%w: range %x", ErrDamaged, b)
	}
	s := trace.Span{From: uint24(b), To: uint24(b[3:])}
	if s.From > s.To {
		return trace.Span{}, fmt.Errorf("%w: range from %d to %d", ErrDamaged, s.From, s.To)
	}
	return s, nil
}
