package ledger_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func TestDisclosureForm(t *testing.T) {
	for _, tt := range disclosureForms() {
		d, err := ledger.DecodeDisclosure(tt.raw)
		wantCode(t, tt.name, err, tt.want)
		if err == nil {
			wantBytes(t, tt.name+" encoded again", must(d.Encode()), tt.raw)
		}
	}
}

func disclosureForms() []form {
	s := salt(1)
	parts := func(audience, path, value []byte) []byte { return cborArray(cborBytes(s[:]), audience, path, value) }
	list := func(slugs ...string) []byte {
		var items [][]byte
		for _, m := range slugs {
			items = append(items, cborText(m))
		}
		return cborArray(items...)
	}
	one := cborUint(1)
	return []form{
		{"public", parts(one, one, one), ""},
		{"item", parts(cborUint(2), one, one), ""},
		{"members", parts(cborUint(3), one, one), ""},
		{"own", parts(cborUint(5), one, one), ""},
		{"parties", parts(list("a", "b"), one, one), ""},
		{"path 0", parts(one, cborUint(0), one), ""},
		{"an empty text", parts(one, one, cborText("")), ""},
		{"audience 0", parts(cborUint(0), one, one), ledger.CodeForm},
		{"audience 6", parts(cborUint(6), one, one), ledger.CodeForm},
		{"audience 257", parts(cborUint(257), one, one), ledger.CodeForm},
		{"audience parties as a number", parts(cborUint(4), one, one), ledger.CodeForm},
		{"audience as a text", parts(cborText("public"), one, one), ledger.CodeForm},
		{"no parties", parts(list(), one, one), ledger.CodeForm},
		{"parties not ascending", parts(list("b", "a"), one, one), ledger.CodeForm},
		{"a party twice", parts(list("a", "a"), one, one), ledger.CodeForm},
		{"a party that is no slug", parts(list("A"), one, one), ledger.CodeForm},
		{"a long audience", parts([]byte{0x18, 1}, one, one), ledger.CodeNotCanonical},
		{"a negative path", parts(one, []byte{0x20}, one), ledger.CodeForm},
		{"a float", parts(one, one, []byte{0xf9, 0, 0}), ledger.CodeForm},
		{"null", parts(one, one, []byte{0xf6}), ledger.CodeForm},
		{"three parts", cborArray(cborBytes(s[:]), one, one), ledger.CodeForm},
		{"five parts", cborArray(cborBytes(s[:]), one, one, one, one), ledger.CodeForm},
		{"a salt of 15 bytes", cborArray(cborBytes(s[:15]), one, one, one), ledger.CodeNotCanonical},
		{"a value that ends within an array", parts(one, one, []byte{0x81}), ledger.CodeForm},
		{"a tail", append(parts(one, one, one), 0), ledger.CodeForm},
		{"nothing", nil, ledger.CodeForm},
	}
}

func TestVisibleTo(t *testing.T) {
	tests := []struct {
		audience               ledger.Audience
		author, listed, others bool
		shared                 bool
	}{
		{ledger.Public, true, true, true, true},
		{ledger.Item, true, true, true, true},
		{ledger.Members, true, true, true, true},
		{ledger.Parties, true, true, false, false},
		{ledger.Own, true, false, false, false},
	}
	for _, tt := range tests {
		d := ledger.Disclosure{Audience: tt.audience}
		if tt.audience == ledger.Parties {
			d.Parties = []string{"listed"}
		}
		got := []bool{d.VisibleTo("author", "author"), d.VisibleTo("listed", "author"), d.VisibleTo("other", "author"), tt.audience.Shared()}
		if want := []bool{tt.author, tt.listed, tt.others, tt.shared}; !slices.Equal(got, want) {
			t.Errorf("%s: author, listed, other, shared: %v, want %v", tt.audience, got, want)
		}
	}
}

// sealed makes a record with two shared and two other disclosures and three
// subjects, and its sidecar.
func sealed(t testing.TB) (*ledger.Record, *ledger.Sidecar) {
	r := goldenRecord()
	value := must(ledger.Marshal("v"))
	sc, err := ledger.Seal(r, []ledger.Disclosure{
		{Audience: ledger.Public, Path: 1, Value: value},
		{Audience: ledger.Members, Path: 2, Value: value},
		{Audience: ledger.Parties, Parties: []string{"dist"}, Path: 3, Value: value},
		{Audience: ledger.Own, Path: 4, Value: value},
	}, [][]byte{{0x83, 3, 1, 1}, {0x01}, {0x82, 2, 1}}, ledgertest.Random(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	return r, sc
}

func paths(t testing.TB, sc *ledger.Sidecar) (list []uint64) {
	for _, raw := range sc.Disclosures {
		list = append(list, must(ledger.DecodeDisclosure(raw)).Path)
	}
	slices.Sort(list)
	return list
}

func TestSealedSidecarFitsItsRecord(t *testing.T) {
	r, sc := sealed(t)
	if len(r.SDM) != 2 || len(r.SDX) != 2 || r.Subjects == nil {
		t.Fatalf("sealed into %d + %d digests, subjects %v", len(r.SDM), len(r.SDX), r.Subjects)
	}
	if _, err := r.Encode(); err != nil {
		t.Errorf("the sealed record: %v", err)
	}
	wantCode(t, "its own sidecar", sc.Check(r, nil), "")
	again, err := ledger.DecodeSidecar(must(sc.Encode()))
	if err != nil || !reflect.DeepEqual(again, sc) {
		t.Errorf("decoded another sidecar: %v", err)
	}
}

func TestSidecarByWhoAsks(t *testing.T) {
	r, sc := sealed(t)
	for member, want := range map[string][]uint64{"wh": {1, 2, 3, 4}, "dist": {1, 2, 3}, "audit": {1, 2}} {
		part := must(sc.For(member, "wh"))
		if got := paths(t, part); !slices.Equal(got, want) {
			t.Errorf("%s gets fields %v, want %v", member, got, want)
		}
		wantCode(t, "part for "+member, part.Check(r, nil), "")
	}
	for audience, want := range map[ledger.Audience][]uint64{ledger.Public: {1}, ledger.Item: {1}, ledger.Members: {1, 2}, ledger.Parties: {1, 2, 3}, ledger.Own: {1, 2, 3, 4}} {
		if got := paths(t, must(sc.Audience(audience))); !slices.Equal(got, want) {
			t.Errorf("audience %s gets fields %v, want %v", audience, got, want)
		}
	}
}

func TestSidecarMerge(t *testing.T) {
	r, sc := sealed(t)
	a, b := must(sc.For("audit", "wh")), must(sc.For("dist", "wh"))
	b.Leaves = nil
	for _, m := range []*ledger.Sidecar{a.Merge(b), b.Merge(a), a.Merge(b).Merge(b)} {
		if got, want := paths(t, m), []uint64{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("merged fields %v, want %v", got, want)
		}
		wantCode(t, "merged", m.Check(r, nil), "")
	}
}

func TestSidecarRefusals(t *testing.T) {
	r, full := sealed(t)
	foreignRecord := goldenRecord()
	foreign := must(ledger.Seal(foreignRecord, []ledger.Disclosure{{Audience: ledger.Public, Path: 1, Value: []byte{1}}}, [][]byte{{1}}, ledgertest.Random("foreign")))
	plain := goldenRecord()
	plain.Subjects, plain.SDM, plain.SDX = nil, nil, nil
	first := func(want ledger.Audience) int {
		return slices.IndexFunc(full.Disclosures, func(raw []byte) bool { return must(ledger.DecodeDisclosure(raw)).Audience == want })
	}
	shared, own := first(ledger.Public), first(ledger.Own)
	publicDigest := ledger.DisclosureDigest(full.Disclosures[shared])
	misplaced := *r
	misplaced.SDM, misplaced.SDX = r.SDX, r.SDM

	tests := []struct {
		name   string
		record *ledger.Record
		edit   func(sc *ledger.Sidecar)
		erased ledger.Hash
		want   ledger.Code
	}{
		{"complete", r, func(*ledger.Sidecar) {}, ledger.Hash{}, ""},
		{"an own one missing", r, func(sc *ledger.Sidecar) { sc.Disclosures = slices.Delete(sc.Disclosures, own, own+1) }, ledger.Hash{}, ""},
		{"a shared one missing", r, func(sc *ledger.Sidecar) { sc.Disclosures = slices.Delete(sc.Disclosures, shared, shared+1) }, ledger.Hash{}, ledger.CodeMissing},
		{"a shared one missing and erased", r, func(sc *ledger.Sidecar) { sc.Disclosures = slices.Delete(sc.Disclosures, shared, shared+1) }, publicDigest, ""},
		{"a shared one missing, another erased", r, func(sc *ledger.Sidecar) { sc.Disclosures = slices.Delete(sc.Disclosures, shared, shared+1) }, fill(1), ledger.CodeMissing},
		{"all missing", r, func(sc *ledger.Sidecar) { sc.Disclosures = nil }, ledger.Hash{}, ledger.CodeMissing},
		{"a foreign one", r, func(sc *ledger.Sidecar) {
			sc.Disclosures = append(sc.Disclosures, foreign.Disclosures...)
			slices.SortFunc(sc.Disclosures, byDigest)
		}, ledger.Hash{}, ledger.CodeSidecar},
		{"one twice", r, func(sc *ledger.Sidecar) { sc.Disclosures = slices.Insert(sc.Disclosures, 0, sc.Disclosures[0]) }, ledger.Hash{}, ledger.CodeSidecar},
		{"not in order", r, func(sc *ledger.Sidecar) { slices.Reverse(sc.Disclosures) }, ledger.Hash{}, ledger.CodeSidecar},
		{"a changed one", r, func(sc *ledger.Sidecar) {
			sc.Disclosures[shared] = slices.Clone(sc.Disclosures[shared])
			sc.Disclosures[shared][len(sc.Disclosures[shared])-1] ^= 1
			slices.SortFunc(sc.Disclosures, byDigest)
		}, ledger.Hash{}, ledger.CodeSidecar},
		{"one that is no disclosure", r, func(sc *ledger.Sidecar) {
			sc.Disclosures[0] = []byte{1}
			slices.SortFunc(sc.Disclosures, byDigest)
		}, ledger.Hash{}, ledger.CodeSidecar},
		{"digests in the other list", &misplaced, func(*ledger.Sidecar) {}, ledger.Hash{}, ledger.CodeSidecar},
		{"no subjects", r, func(sc *ledger.Sidecar) { sc.Leaves = nil }, ledger.Hash{}, ledger.CodeMissing},
		{"a subject missing", r, func(sc *ledger.Sidecar) { sc.Leaves = sc.Leaves[:2] }, ledger.Hash{}, ledger.CodeSidecar},
		{"a subject twice", r, func(sc *ledger.Sidecar) { sc.Leaves = append(sc.Leaves, sc.Leaves[2]) }, ledger.Hash{}, ledger.CodeSidecar},
		{"subjects not in order", r, func(sc *ledger.Sidecar) { slices.Reverse(sc.Leaves) }, ledger.Hash{}, ledger.CodeSidecar},
		{"foreign subjects", r, func(sc *ledger.Sidecar) { sc.Leaves = foreign.Leaves }, ledger.Hash{}, ledger.CodeSidecar},
		{"a subject that is no leaf", r, func(sc *ledger.Sidecar) { sc.Leaves[0] = []byte{1} }, ledger.Hash{}, ledger.CodeSidecar},
		{"subjects for a record without", plain, func(sc *ledger.Sidecar) { sc.Disclosures = nil }, ledger.Hash{}, ledger.CodeSidecar},
		{"disclosures for a record without", plain, func(sc *ledger.Sidecar) { sc.Leaves = nil }, ledger.Hash{}, ledger.CodeSidecar},
	}
	for _, tt := range tests {
		sc := &ledger.Sidecar{Disclosures: slices.Clone(full.Disclosures), Leaves: slices.Clone(full.Leaves)}
		tt.edit(sc)
		wantCode(t, tt.name, sc.Check(tt.record, func(h ledger.Hash) bool { return h == tt.erased }), tt.want)
	}
	var none *ledger.Sidecar
	wantCode(t, "no sidecar for a record without", none.Check(plain, nil), "")
	wantCode(t, "no sidecar for a record with", none.Check(r, nil), ledger.CodeMissing)
}

func byDigest(a, b []byte) int {
	x, y := ledger.DisclosureDigest(a), ledger.DisclosureDigest(b)
	return bytes.Compare(x[:], y[:])
}

// Leaves in another order are refused even when the record's root is over just
// that order.
func TestLeavesAscendWhateverTheRoot(t *testing.T) {
	leaf := func(s byte, subject ...byte) []byte {
		return must((&ledger.Leaf{Salt: salt(s), Subject: subject}).Encode())
	}
	tests := []struct {
		name   string
		leaves [][]byte
		want   ledger.Code
	}{
		{"ascending", [][]byte{leaf(9, 1), leaf(1, 2)}, ""},
		{"descending, though the salts ascend", [][]byte{leaf(1, 2), leaf(9, 1)}, ledger.CodeSidecar},
		{"one subject under two salts", [][]byte{leaf(1, 1), leaf(2, 1)}, ledger.CodeSidecar},
	}
	for _, tt := range tests {
		r := goldenRecord()
		root := must(ledger.SubjectsRoot(tt.leaves))
		r.Subjects, r.SDM, r.SDX = &root, nil, nil
		wantCode(t, tt.name, (&ledger.Sidecar{Leaves: tt.leaves}).Check(r, nil), tt.want)
	}
}

func TestSealRefusals(t *testing.T) {
	one := []byte{1}
	tests := []struct {
		name        string
		disclosures []ledger.Disclosure
		subjects    [][]byte
		want        ledger.Code
	}{
		{"a subject twice", nil, [][]byte{one, one}, ledger.CodeForm},
		{"a subject that is a float", nil, [][]byte{{0xf9, 0, 0}}, ledger.CodeForm},
		{"an empty subject", nil, [][]byte{{}}, ledger.CodeForm},
		{"an audience that does not exist", []ledger.Disclosure{{Audience: 9, Value: one}}, nil, ledger.CodeForm},
		{"parties without members", []ledger.Disclosure{{Audience: ledger.Parties, Value: one}}, nil, ledger.CodeForm},
		{"members listed for another audience", []ledger.Disclosure{{Audience: ledger.Own, Parties: []string{"a"}, Value: one}}, nil, ledger.CodeForm},
		{"no value", []ledger.Disclosure{{Audience: ledger.Own}}, nil, ledger.CodeForm},
	}
	for _, tt := range tests {
		_, err := ledger.Seal(goldenRecord(), tt.disclosures, tt.subjects, ledgertest.Random("seal"))
		wantCode(t, tt.name, err, tt.want)
	}
	if _, err := ledger.Seal(goldenRecord(), []ledger.Disclosure{{Audience: ledger.Own, Value: one}}, nil, bytes.NewReader(nil)); err == nil {
		t.Error("sealed without randomness")
	}
}

func TestSidecarForm(t *testing.T) {
	for _, tt := range sidecarForms() {
		sc, err := ledger.DecodeSidecar(tt.raw)
		wantCode(t, tt.name, err, tt.want)
		if err == nil {
			wantBytes(t, tt.name+" encoded again", must(sc.Encode()), tt.raw)
		}
	}
	large := &ledger.Sidecar{Leaves: [][]byte{make([]byte, ledger.MaxSidecarBytes)}}
	_, err := large.Encode()
	wantCode(t, "a sidecar over its limit", err, ledger.CodeTooLarge)
}

func sidecarForms() []form {
	one := cborArray(cborBytes([]byte{1}))
	return []form{
		{"no bytes", nil, ""},
		{"disclosures", cborMap(field(1, one)), ""},
		{"leaves", cborMap(field(2, one)), ""},
		{"an empty map", []byte{0xa0}, ledger.CodeNotCanonical},
		{"an empty list", cborMap(field(1, []byte{0x80})), ledger.CodeNotCanonical},
		{"an unknown key", cborMap(field(1, one), field(3, one)), ledger.CodeForm},
		{"keys not sorted", cborMap(field(2, one), field(1, one)), ledger.CodeNotCanonical},
		{"texts", cborMap(field(1, cborArray(cborText("a")))), ledger.CodeForm},
		{"too many bytes", make([]byte, ledger.MaxSidecarBytes+1), ledger.CodeTooLarge},
	}
}

// A proof for one subject must verify for every size and place, and for nothing
// else.
func TestLeafProofs(t *testing.T) {
	var leaves [][]byte
	for size := 1; size <= 70; size++ {
		leaves = append(leaves, must((&ledger.Leaf{Salt: salt(byte(size)), Subject: cborUint(uint64(size))}).Encode()))
		root := must(ledger.SubjectsRoot(leaves))
		for i := range leaves {
			p, err := ledger.ProveLeaf(leaves, i)
			if err != nil {
				t.Fatalf("leaf %d of %d: %v", i, size, err)
			}
			where := fmt.Sprintf("leaf %d of %d", i, size)
			wantCode(t, where, p.Verify(root), "")
			for name, bad := range badProofs(p, leaves) {
				if bad.Verify(root) == nil {
					t.Errorf("%s: verifies with %s", where, name)
				}
			}
		}
	}
}

func badProofs(p *ledger.LeafProof, leaves [][]byte) map[string]*ledger.LeafProof {
	bad := make(map[string]*ledger.LeafProof)
	change := func(name string, edit func(q *ledger.LeafProof)) {
		q := *p
		q.Path = slices.Clone(p.Path)
		edit(&q)
		bad[name] = &q
	}
	other := leaves[(p.Index+1)%uint64(len(leaves))]
	if len(leaves) > 1 {
		change("another leaf", func(q *ledger.LeafProof) { q.Leaf = other })
		change("a hash less", func(q *ledger.LeafProof) { q.Path = q.Path[1:] })
		change("a changed hash", func(q *ledger.LeafProof) { q.Path[0][0] ^= 1 })
	}
	change("an index outside", func(q *ledger.LeafProof) { q.Index = q.Size })
	change("no size", func(q *ledger.LeafProof) { q.Size = 0 })
	change("a hash more", func(q *ledger.LeafProof) { q.Path = append(q.Path, fill(1)) })
	change("a size beyond the limit", func(q *ledger.LeafProof) { q.Size = ledger.MaxLeaves + 1 })
	change("an inner node as its leaf", func(q *ledger.LeafProof) { q.Leaf = append([]byte{1}, q.Leaf...) })
	return bad
}

func TestProveLeafRefusesWhatIsNotThere(t *testing.T) {
	for _, i := range []int{-1, 1, 1 << 40} {
		_, err := ledger.ProveLeaf([][]byte{{1}}, i)
		wantCode(t, fmt.Sprintf("leaf %d of 1", i), err, ledger.CodeForm)
	}
}

func TestLeafLimit(t *testing.T) {
	var leaves [][]byte
	for i := range ledger.MaxLeaves + 1 {
		leaves = append(leaves, must(ledger.Marshal(ledger.Leaf{Subject: must(ledger.Marshal(uint64(i) + 1<<32))})))
	}
	for n, want := range map[int]ledger.Code{ledger.MaxLeaves: "", ledger.MaxLeaves + 1: ledger.CodeSidecar} {
		r := goldenRecord()
		root := must(ledger.SubjectsRoot(leaves[:n]))
		r.Subjects, r.SDM, r.SDX = &root, nil, nil
		wantCode(t, fmt.Sprintf("%d leaves", n), (&ledger.Sidecar{Leaves: leaves[:n]}).Check(r, nil), want)
	}
}
