package store

import (
	"encoding/hex"
	"testing"

	"suyuan/ledger"
)

func TestKeysAreThoseOfTheLayout(t *testing.T) {
	var id ledger.Hash
	for i := range id {
		id[i] = byte(i)
	}
	for name, c := range map[string]struct {
		key  []byte
		want string
	}{
		"layout":        {layoutKey(), "76"},
		"charter":       {charterKey(258), "63" + "0000000000000102"},
		"entry":         {seqKey(prefixEntry, 3, 258), "65" + "00000003" + "0000000000000102"},
		"sidecar":       {seqKey(prefixSidecar, 3, 258), "73" + "00000003" + "0000000000000102"},
		"tile":          {tileKey(3, ledger.TileID{Level: 1, Index: 258}), "74" + "00000003" + "01" + "0000000000000102"},
		"head":          {chainKey(prefixHead, 3), "68" + "00000003"},
		"rights":        {chainKey(prefixRights, 3), "72" + "00000003"},
		"record":        {recordKey(id), "69" + "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
		"frontier":      {seqKey(prefixFrontier, 3, 258), "66" + "00000003" + "0000000000000102"},
		"seen":          {seenKey(3, 4, 258), "67" + "00000003" + "00000004" + "fffffffffffffefd"},
		"latest":        {chainKey(prefixLatest, 3), "6c" + "00000003"},
		"final":         {chainKey(prefixFinal, 3), "71" + "00000003"},
		"evidence":      {chainKey(prefixEvidence, 3), "78" + "00000003"},
		"contradiction": {chainKey(prefixContradict, 3), "6e" + "00000003"},
		"place value":   {placeValue(3, 258), "00000003" + "0000000000000102"},
		"size value":    {uint64Value(258), "0000000000000102"},
		"layout value":  {layoutValue(id), "00000001" + id.String()},
	} {
		if got := hex.EncodeToString(c.key); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestKeysParseBack(t *testing.T) {
	if chain, seq, ok := parseSeqKey(seqKey(prefixEntry, 7, 1<<40)); !ok || chain != 7 || seq != 1<<40 {
		t.Errorf("seq key: %d %d %v", chain, seq, ok)
	}
	if chain, seq, ok := parsePlace(placeValue(7, 1<<40)); !ok || chain != 7 || seq != 1<<40 {
		t.Errorf("place: %d %d %v", chain, seq, ok)
	}
	if n, ok := parseUint64(uint64Value(9)); !ok || n != 9 {
		t.Errorf("size: %d %v", n, ok)
	}
	if v, id, ok := parseLayout(layoutValue(ledger.Hash{5})); !ok || v != layoutVersion || id != (ledger.Hash{5}) {
		t.Errorf("layout: %d %s %v", v, id, ok)
	}
	for _, short := range [][]byte{nil, {1}, make([]byte, 11)} {
		_, _, a := parseSeqKey(short)
		_, _, b := parsePlace(short)
		_, c := parseUint64(short)
		_, _, d := parseLayout(short)
		if a || b || c || d {
			t.Errorf("%d bytes parse", len(short))
		}
	}
}

func TestOpenRefusesNewerLayout(t *testing.T) {
	raw := layoutValue(ledger.Hash{1})
	raw[3]++
	if _, err := checkLayout("d", raw); err == nil {
		t.Error("layout 2 was opened")
	}
}
