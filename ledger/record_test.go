package ledger_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func TestRecordRoundTrip(t *testing.T) {
	for _, r := range []*ledger.Record{goldenRecord(), goldenNamed()} {
		got, err := ledger.DecodeRecord(must(r.Encode()))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("decoded %+v (%v), want %+v", got, err, r)
		}
	}
}

// recordEdit makes goldenRecord another record.
type recordEdit struct {
	name string
	edit func(*ledger.Record)
	want ledger.Code
}

// The same rules hold for what is encoded and for what is decoded.
func TestRecordForm(t *testing.T) {
	for _, tt := range recordEdits() {
		r := goldenRecord()
		tt.edit(r)
		_, err := r.Encode()
		wantCode(t, "encode: "+tt.name, err, tt.want)
		raw, err := ledger.Marshal(r)
		if err != nil {
			continue // no CBOR at all
		}
		_, err = ledger.DecodeRecord(raw)
		wantCode(t, "decode: "+tt.name, err, tt.want)
	}
}

func recordEdits() []recordEdit {
	return []recordEdit{
		{"as it is", func(r *ledger.Record) {}, ""},
		{"kind 0", func(r *ledger.Record) { r.Kind = 0 }, ledger.CodeForm},
		{"a reserved kind", func(r *ledger.Record) { r.Kind = 4; r.Name = "future" }, ledger.CodeForm},
		{"the last reserved kind", func(r *ledger.Record) { r.Kind = 15; r.Name = "future" }, ledger.CodeForm},
		{"a known kind with a name", func(r *ledger.Record) { r.Name = "ship" }, ledger.CodeForm},
		{"a kind after the table, with a name", func(r *ledger.Record) { r.Kind = 39; r.Name = "future" }, ""},
		{"kind 64 with a name", func(r *ledger.Record) { r.Kind = 64; r.Name = "future" }, ""},
		{"the highest kind with a name", func(r *ledger.Record) { r.Kind = 65535; r.Name = "future" }, ""},
		{"an unknown kind without a name", func(r *ledger.Record) { r.Kind = 64 }, ledger.CodeForm},
		{"an unknown kind with the name of a known one", func(r *ledger.Record) { r.Kind = 64; r.Name = "grant" }, ledger.CodeForm},
		{"an unknown kind with a line feed in its name", func(r *ledger.Record) { r.Kind = 64; r.Name = "a\nb" }, ledger.CodeForm},
		{"chain 0", func(r *ledger.Record) { r.Chain = 0 }, ledger.CodeForm},
		{"no member", func(r *ledger.Record) { r.Member = "" }, ledger.CodeForm},
		{"a member in capitals", func(r *ledger.Record) { r.Member = "WH" }, ledger.CodeForm},
		{"at 0", func(r *ledger.Record) { r.At = 0 }, ledger.CodeForm},
		{"at before 1970", func(r *ledger.Record) { r.At = -1 }, ledger.CodeForm},
		{"the westernmost zone", func(r *ledger.Record) { r.Zone = -720 }, ""},
		{"beyond the westernmost zone", func(r *ledger.Record) { r.Zone = -721 }, ledger.CodeForm},
		{"the easternmost zone", func(r *ledger.Record) { r.Zone = 840 }, ""},
		{"beyond the easternmost zone", func(r *ledger.Record) { r.Zone = 841 }, ledger.CodeForm},
		{"a party of 32 characters", func(r *ledger.Record) { r.Party = strings.Repeat("a", 32) }, ""},
		{"a party of 33 characters", func(r *ledger.Record) { r.Party = strings.Repeat("a", 33) }, ledger.CodeForm},
		{"a place with a space", func(r *ledger.Record) { r.Place = "a b" }, ledger.CodeForm},
		{"digests not sorted", func(r *ledger.Record) { r.SDM = []ledger.Hash{fill(2), fill(1)} }, ledger.CodeForm},
		{"a digest twice", func(r *ledger.Record) { r.SDX = []ledger.Hash{fill(1), fill(1)} }, ledger.CodeForm},
		{"as many digests as allowed", func(r *ledger.Record) { r.SDM = digests(ledger.MaxDigests) }, ""},
		{"too many digests", func(r *ledger.Record) { r.SDM = digests(ledger.MaxDigests + 1) }, ledger.CodeForm},
		{"fields that are an array", func(r *ledger.Record) { r.Fields = []byte{0x81, 0x01} }, ledger.CodeForm},
		{"fields with a tail", func(r *ledger.Record) { r.Fields = []byte{0xa1, 0x01, 0x01, 0x00} }, ledger.CodeForm},
	}
}

// digests returns n ascending hashes.
func digests(n int) []ledger.Hash {
	list := make([]ledger.Hash, n)
	for i := range list {
		binary.BigEndian.PutUint32(list[i][:], uint32(i))
	}
	return list
}

// padded is a record of exactly size bytes.
func padded(size int) *ledger.Record {
	r := goldenNamed()
	r.Fields = must(ledger.Marshal(map[uint64]any{1: make([]byte, 50_000)}))
	over := size - len(must(ledger.Marshal(r)))
	r.Fields = must(ledger.Marshal(map[uint64]any{1: make([]byte, 50_000+over)}))
	return r
}

func TestRecordLimit(t *testing.T) {
	for size, want := range map[int]ledger.Code{ledger.MaxRecordBytes: "", ledger.MaxRecordBytes + 1: ledger.CodeTooLarge} {
		r := padded(size)
		raw := must(ledger.Marshal(r))
		if len(raw) != size {
			t.Fatalf("the record has %d bytes, want %d", len(raw), size)
		}
		_, err := r.Encode()
		wantCode(t, "encode", err, want)
		_, err = ledger.DecodeRecord(raw)
		wantCode(t, "decode", err, want)
	}
}

func TestLargestRecordFitsIntoAnEntry(t *testing.T) {
	r := padded(ledger.MaxRecordBytes)
	o, err := ledger.RecordEntry(fill(0xff), 1<<62, &ledger.SignedRecord{Record: *r, Raw: must(r.Encode()), Sig: make([]byte, ledger.SignatureSize)})
	if err != nil {
		t.Fatal(err)
	}
	if over := len(o.Raw) - ledger.MaxRecordBytes; over > 200 {
		t.Errorf("an entry adds %d bytes to its record, over the 200 that limits.go promises", over)
	}
}

func TestKindNames(t *testing.T) {
	for k := range ledger.Kind(200) {
		name := k.String()
		got, ok := ledger.KindByName(name)
		if known := name[0] > '9'; ok != known || known && got != k {
			t.Errorf("kind %d is named %q, which is kind %d (%v)", uint16(k), name, uint16(got), ok)
		}
	}
	want := map[ledger.Kind]string{1: "grant", 2: "revoke", 3: "erase", 16: "product", 17: "place", 18: "party", 19: "appoint",
		20: "run", 21: "activate", 22: "void", 23: "pack", 24: "unpack", 25: "transform", 26: "ship", 27: "receive", 28: "cancel",
		29: "sell", 30: "return", 31: "inspect", 32: "hold", 33: "release", 34: "recall", 35: "withdraw", 36: "correct", 37: "claim", 38: "link"}
	for k, name := range want {
		if k.String() != name {
			t.Errorf("kind %d is named %s, want %s", uint16(k), k, name)
		}
	}
}

func TestSlugsAndNames(t *testing.T) {
	slugs := map[string]bool{
		"a": true, "0": true, "a-b": true, "a--b": true, strings.Repeat("a", 32): true,
		"": false, "-a": false, "a-": false, "-": false, "A": false, "a_b": false, "a.b": false, "a b": false, "a+b": false, "a/b": false, "兰": false, "a\n": false,
		strings.Repeat("a", 33): false,
	}
	for s, ok := range slugs {
		if err := ledger.CheckSlug(s); (err == nil) != ok {
			t.Errorf("CheckSlug(%q): %v", s, err)
		}
	}
	long := strings.Repeat(strings.Repeat("a", 15)+".", 4)
	names := map[string]bool{
		"a": true, "lanzhi-test": true, "a.b.c": true, long + "a": false, long[:63]: true, long[:63] + "a": true, long[:63] + ".": false,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "A.b": false, "a/b": false, "a+b": false,
	}
	for s, ok := range names {
		if err := ledger.CheckName(s); (err == nil) != ok {
			t.Errorf("CheckName(%q): %v", s, err)
		}
	}
}

func TestEntryForm(t *testing.T) {
	for _, tt := range entryForms(t) {
		_, err := ledger.OpenEntry(tt.raw)
		wantCode(t, tt.name, err, tt.want)
	}
}

func entryForms(t testing.TB) []form {
	entries := goldenEntries()
	prev := fill(0x88)
	pairs := func(kind, time uint64, payload, sig []byte) []pair {
		p := []pair{field(1, cborUint(kind)), field(2, cborBytes(prev[:])), field(3, cborUint(time)), field(4, cborBytes(payload))}
		if sig != nil {
			p = append(p, field(5, cborBytes(sig)))
		}
		return p
	}
	frontier, ref := unhex(t, goldenFrontierBytes), unhex(t, goldenCharterRefBytes)
	rec := entries["record"].Record
	return []form{
		{"a record", entries["record"].Raw, ""},
		{"a frontier", entries["frontier"].Raw, ""},
		{"a charter", entries["charter"].Raw, ""},
		{"the pairs of this test", cborMap(pairs(2, 1, frontier, nil)...), ""},
		{"kind 0", cborMap(pairs(0, 1, frontier, nil)...), ledger.CodeForm},
		{"kind 4", cborMap(pairs(4, 1, frontier, nil)...), ledger.CodeForm},
		{"kind 256", cborMap(pairs(256, 1, frontier, nil)...), ledger.CodeForm},
		{"time 0", cborMap(pairs(2, 0, frontier, nil)...), ledger.CodeForm},
		{"a record without a signature", cborMap(pairs(1, 1, rec.Raw, nil)...), ledger.CodeForm},
		{"a record with an empty signature", cborMap(pairs(1, 1, rec.Raw, []byte{})...), ledger.CodeNotCanonical},
		{"a frontier with a signature", cborMap(pairs(2, 1, frontier, rec.Sig)...), ledger.CodeForm},
		{"a charter with a signature", cborMap(pairs(3, 1, ref, rec.Sig)...), ledger.CodeForm},
		{"a charter as a frontier", cborMap(pairs(2, 1, ref, nil)...), ledger.CodeForm},
		{"a frontier as a charter", cborMap(pairs(3, 1, frontier, nil)...), ledger.CodeForm},
		{"a charter of version 0", cborMap(pairs(3, 1, cborMap(field(1, cborUint(0)), field(2, cborBytes(prev[:]))), nil)...), ledger.CodeForm},
		{"an empty payload", cborMap(pairs(2, 1, nil, nil)...), ledger.CodeForm},
		{"an unknown key", cborMap(append(pairs(2, 1, frontier, nil), field(6, cborUint(1)))...), ledger.CodeForm},
		{"keys not sorted", cborMap(field(2, cborBytes(prev[:])), field(1, cborUint(2)), field(3, cborUint(1)), field(4, cborBytes(frontier))), ledger.CodeNotCanonical},
		{"a record with the signature of another", cborMap(pairs(1, 1, rec.Raw, must(ledger.SignMessage("x", ledgertest.OperatorKey("other"))))...), ledger.CodeSigner},
		{"too many bytes", make([]byte, ledger.MaxEntryBytes+1), ledger.CodeTooLarge},
	}
}

func TestEntryLimit(t *testing.T) {
	e := ledger.Entry{Kind: ledger.EntryFrontier, Prev: fill(1), Time: 1, Payload: make([]byte, 60_000)}
	e.Payload = make([]byte, 60_000+ledger.MaxEntryBytes-len(must(e.Encode())))
	if raw, err := e.Encode(); err != nil || len(raw) != ledger.MaxEntryBytes {
		t.Errorf("an entry of %d bytes: %v", len(raw), err)
	}
	e.Payload = append(e.Payload, 0)
	_, err := e.Encode()
	wantCode(t, "one byte more", err, ledger.CodeTooLarge)
}

func TestOpenEntryGivesBackWhatWasBuilt(t *testing.T) {
	for kind, o := range goldenEntries() {
		got, err := ledger.OpenEntry(o.Raw)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got.Hash != o.Hash || !bytes.Equal(got.Raw, o.Raw) || got.Entry.Kind.String() != kind ||
			!reflect.DeepEqual(got.Frontier, o.Frontier) || !reflect.DeepEqual(got.Charter, o.Charter) ||
			(got.Record == nil) != (o.Record == nil) || got.Record != nil && got.Record.ID != o.Record.ID {
			t.Errorf("%s: opened %+v, built %+v", kind, got, o)
		}
	}
}

func TestFrontierForm(t *testing.T) {
	seen := func(chain uint32, size uint64) ledger.Seen { return ledger.Seen{Chain: chain, Size: size} }
	many := func(n int) (f ledger.Frontier) {
		for i := range n {
			f = append(f, seen(uint32(i+1), 1))
		}
		return f
	}
	tests := []struct {
		name string
		f    ledger.Frontier
		want ledger.Code
	}{
		{"one chain", ledger.Frontier{seen(1, 1)}, ""},
		{"none", ledger.Frontier{}, ledger.CodeForm},
		{"chain 0", ledger.Frontier{seen(0, 1)}, ledger.CodeForm},
		{"size 0", ledger.Frontier{seen(1, 0)}, ledger.CodeForm},
		{"not ascending", ledger.Frontier{seen(2, 1), seen(1, 1)}, ledger.CodeForm},
		{"a chain twice", ledger.Frontier{seen(1, 1), seen(1, 2)}, ledger.CodeForm},
		{"as many as allowed", many(ledger.MaxFrontier), ""},
		{"too many", many(ledger.MaxFrontier + 1), ledger.CodeForm},
	}
	for _, tt := range tests {
		_, err := tt.f.Encode()
		wantCode(t, "encode: "+tt.name, err, tt.want)
		_, err = ledger.DecodeFrontier(must(ledger.Marshal([]ledger.Seen(tt.f))))
		wantCode(t, "decode: "+tt.name, err, tt.want)
	}
	widest := many(ledger.MaxFrontier)
	for i := range widest {
		widest[i].Chain, widest[i].Size = 1<<32-1-uint32(len(widest)-i), 1<<64-1
	}
	if _, err := ledger.FrontierEntry(fill(1), 1<<62, widest); err != nil {
		t.Errorf("the largest frontier does not fit into an entry: %v", err)
	}
}

func TestEntryBundle(t *testing.T) {
	entries := [][]byte{{1}, {}, bytes.Repeat([]byte{7}, ledger.MaxEntryBytes), {2, 3}}
	data := ledger.EntryBundle(entries)
	got, err := ledger.SplitBundle(data)
	if err != nil || len(got) != len(entries) {
		t.Fatalf("split into %d entries: %v", len(got), err)
	}
	for i := range got {
		wantBytes(t, "entry of a bundle", got[i], entries[i])
	}
	full := ledger.EntryBundle(make([][]byte, ledger.TileWidth))
	tests := []struct {
		name string
		data []byte
		want ledger.Code
	}{
		{"nothing", nil, ""},
		{"a full bundle", full, ""},
		{"an entry more", append(full, 0, 0), ledger.CodeTooLarge},
		{"half a length", []byte{0}, ledger.CodeForm},
		{"a length without an entry", []byte{0, 1}, ledger.CodeForm},
		{"an entry cut short", data[:len(data)-1], ledger.CodeForm},
	}
	for _, tt := range tests {
		_, err := ledger.SplitBundle(tt.data)
		wantCode(t, tt.name, err, tt.want)
	}
}

// ReadEntry is for what was checked before it was stored.
func TestReadEntryTrustsTheSignature(t *testing.T) {
	for kind, o := range goldenEntries() {
		got, err := ledger.ReadEntry(o.Raw)
		if err != nil || got.Hash != o.Hash || (got.Record == nil) != (o.Record == nil) {
			t.Errorf("%s: read %+v (%v)", kind, got, err)
		}
	}
	raw := bytes.Clone(goldenEntries()["record"].Raw)
	raw[len(raw)-2] ^= 1
	if _, err := ledger.OpenEntry(raw); err == nil {
		t.Error("OpenEntry passes a changed signature")
	}
	if got, err := ledger.ReadEntry(raw); err != nil || got.Hash != ledger.LeafHash(raw) {
		t.Errorf("ReadEntry: %v", err)
	}
	for _, tt := range entryForms(t) {
		if _, err := ledger.ReadEntry(tt.raw); tt.want != "" && tt.want != ledger.CodeSigner && err == nil {
			t.Errorf("ReadEntry passes %s", tt.name)
		}
	}
}
