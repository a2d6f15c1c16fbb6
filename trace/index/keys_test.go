package index

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// product and caseOf are GTINs, pallet is an SSCC, with right check digits.
var (
	product = mustGTIN(6901234567892)
	caseOf  = mustGTIN(16901234567899)
	pallet  = mustSSCC(369012345678901239)
)

func mustGTIN(n uint64) gs1.GTIN {
	g, err := gs1.GTINFromUint64(n)
	if err != nil {
		panic(err)
	}
	return g
}

func mustSSCC(n uint64) gs1.SSCC {
	s, err := gs1.SSCCFromUint64(n)
	if err != nil {
		panic(err)
	}
	return s
}

func mustGLN(n uint64) gs1.GLN {
	g, err := gs1.GLNFromUint64(n)
	if err != nil {
		panic(err)
	}
	return g
}

// TestKeyBytes pins the layout: whoever changes it changes formatVersion.
func TestKeyBytes(t *testing.T) {
	pos := trace.Position{Chain: 7, Seq: 0x0102}
	run := runID{product, 5}
	const suffix = " 00000007 0000000000000102 0003"
	for _, c := range []struct {
		name, want string
		got        []byte
	}{
		{"version", "00", versionKey()},
		{"applied", "01 00000007", appliedKey(7)},
		{"levels", "10 0646d1a28ad4 0005 00", levelsKey(run)},
		{"run record", "10 0646d1a28ad4 0005 01" + suffix, appendSuffix(runRecordPrefix(run), pos, 3)},
		{"range", "10 0646d1a28ad4 0005 02 18 000abc" + suffix, appendSuffix(appendBlockKey(nil, run, 24, 0xabc), pos, 3)},
		{"sscc", "11 051efec5f5ecaff7" + suffix, appendSuffix(ssccPrefix(pallet), pos, 3)},
		{"lot", "12 0646d1a28ad4 02 4c37" + suffix, appendSuffix(lotPrefix(product, "L7"), pos, 3)},
		{"gtin", "13 0646d1a28ad4" + suffix, appendSuffix(gtinPrefix(product), pos, 3)},
		{"place", "14 02 7768 03 643031" + suffix, appendSuffix(placePrefix("wh", "d01"), pos, 3)},
		{"party", "15 02 7768 03 643031" + suffix, appendSuffix(partyPrefix("wh", "d01"), pos, 3)},
		{"entry", "16" + strings.Repeat("ab", 32) + suffix, appendSuffix(entryPrefix(ledger.Hash(bytes.Repeat([]byte{0xab}, 32))), pos, 3)},
		{"foreign", "17 0646d1a28ad4" + suffix, appendSuffix(foreignPrefix(product), pos, 3)},
		{"file", "19" + strings.Repeat("ab", 32) + "02 7768 03 643031" + suffix,
			appendSuffix(filePrefix(ledger.Hash(bytes.Repeat([]byte{0xab}, 32)), "wh", "d01"), pos, 3)},
		{"number", "1a 0646d1a28ab5 02 7768 00 03 643031" + suffix, appendSuffix(namedPrefix(mustGLN(6901234567861), "wh", Named{"", "d01"}), pos, 3)},
	} {
		if got := hex.EncodeToString(c.got); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestKeysParseBack(t *testing.T) {
	pos := trace.Position{Chain: 1<<32 - 1, Seq: 1<<64 - 1}
	key := appendSuffix(appendBlockKey(nil, runID{product, 5}, 3, maxIndex), pos, 9)
	block, got, ok := parseBlockKey(key)
	if !ok || block != maxIndex || got != pos {
		t.Errorf("range key: got block %d at %v, %t", block, got, ok)
	}
	if _, _, ok := parseBlockKey(key[1:]); ok {
		t.Error("a short range key parses")
	}
	if chain, ok := parseAppliedKey(appliedKey(1<<32 - 1)); !ok || chain != 1<<32-1 {
		t.Errorf("applied key: got chain %d, %t", chain, ok)
	}
	if _, ok := parseAppliedKey(versionKey()); ok {
		t.Error("the version key parses as an applied key")
	}
}

var markTests = []struct {
	name, want string
	mark       mark
}{
	{"about", "01", mark{role: roleAbout}},
	{"content of a case", "02 01 0f5f20152adb 0002 00000a", mark{role: roleContent, unit: trace.Code(caseOf, 2, 10)}},
	{"content of a pallet", "02 02 051efec5f5ecaff7", mark{role: roleContent, unit: trace.Unit(pallet)}},
	{"pattern", "03 000018 0f5f20152adb 0002 000064", mark{role: rolePattern, per: 24, unit: trace.Code(caseOf, 2, 100)}},
	{"unit", "04", mark{role: roleUnit}},
	{"lot", "05 4c37", mark{role: roleLot, lot: "L7"}},
	{"made", "06", mark{role: roleMade}},
	{"made of a lot", "06 4c37", mark{role: roleMade, lot: "L7"}},
}

func TestMarkBytes(t *testing.T) {
	for _, c := range markTests {
		raw := appendMark(nil, c.mark)
		if got := hex.EncodeToString(raw); got != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if got, err := parseMark(raw); err != nil || got != c.mark {
			t.Errorf("%s: parsed back as %+v, %v", c.name, got, err)
		}
	}
	raw := appendRangeValue(nil, 0x010203, 0x0a0b0c, mark{role: roleAbout})
	if got := hex.EncodeToString(raw); got != "0102030a0b0c01" {
		t.Errorf("range value: got %s", got)
	}
}

// FuzzValue holds the parsers of values: whatever stands on the disk, they say
// ErrDamaged or what can be written.
func FuzzValue(f *testing.F) {
	for _, c := range markTests {
		f.Add(appendRangeValue(nil, 1, 2, c.mark))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseSpan(raw)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("error is not ErrDamaged: %v", err)
			}
			return
		}
		m, err := parseMark(raw[spanLen:])
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("error is not ErrDamaged: %v", err)
			}
			return
		}
		if again := appendRangeValue(nil, s.From, s.To, m); !bytes.Equal(again, raw) {
			t.Fatalf("%x parses as %v %+v, which is written %x", raw, s, m, again)
		}
	})
}

// TestCover holds what look-ups rely on: each range stands in one or two blocks
// of its level, and every code of it in one of these.
func TestCover(t *testing.T) {
	for _, c := range []struct {
		from, to uint32
		level    int
		blocks   []uint32
	}{
		{0, 0, 0, []uint32{0}},
		{7, 7, 0, []uint32{7}},
		{6, 7, 1, []uint32{3}},
		{7, 8, 1, []uint32{3, 4}},
		{0, 23, 5, []uint32{0}},
		{24, 47, 5, []uint32{0, 1}},
		{48, 71, 5, []uint32{1, 2}},
		{0, 31, 5, []uint32{0}},
		{0, 32, 6, []uint32{0}},
		{0, 9_999_999, 24, []uint32{0}},
		{0, maxIndex, 24, []uint32{0}},
		{maxIndex, maxIndex, 0, []uint32{maxIndex}},
	} {
		level := levelOf(c.from, c.to)
		if level != c.level {
			t.Errorf("%d to %d: level %d, want %d", c.from, c.to, level, c.level)
		}
		var blocks []uint32
		for b := c.from >> level; b <= c.to>>level; b++ {
			blocks = append(blocks, b)
		}
		if len(blocks) != len(c.blocks) || blocks[0] != c.blocks[0] {
			t.Errorf("%d to %d: blocks %v, want %v", c.from, c.to, blocks, c.blocks)
		}
	}
	for from := range uint32(70) {
		for to := from; to < 300; to++ {
			if n := to>>levelOf(from, to) - from>>levelOf(from, to); n > 1 {
				t.Fatalf("%d to %d touches %d blocks", from, to, n+1)
			}
		}
	}
}
