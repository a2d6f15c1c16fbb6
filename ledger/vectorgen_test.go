package ledger_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// largestVector keeps the files readable: larger forms are tested by tables
// only.
const largestVector = 4096

// makeVectors makes every file of testdata/vectors.
func makeVectors(t *testing.T) map[string]*vectorFile {
	return map[string]*vectorFile{
		"records.txt":        recordVectors(),
		"disclosures.txt":    fileOf("disclosure", "disclosures: CBOR [salt, audience, path, value]", readDisclosureVector, disclosureForms()),
		"leaves.txt":         leafVectors(t),
		"sidecars.txt":       sidecarVectors(t),
		"entries.txt":        fileOf("entry", "entries, with the signature of records", readEntryVector, entryForms(t)),
		"frontiers.txt":      frontierVectors(t),
		"charters.txt":       charterVectors(),
		"networks.txt":       networkVectors(),
		"signatures.txt":     signatureVectors(),
		"bundles.txt":        bundleVectors(),
		"subject-proofs.txt": subjectProofVectors(),
		"quorums.txt":        quorumVectors(),
		"trees.txt":          treeVectors(t),
		"checkpoints.txt":    checkpointVectors(t),
		"cosignatures.txt":   cosignatureVectors(t),
		"chain.txt":          chainVectors(t),
		"entry-proofs.txt":   entryProofVectors(t),
	}
}

func newFile(format, about string, headers ...header) *vectorFile {
	return &vectorFile{title: "suyuan ledger vectors v1: " + about, headers: append([]header{{"format", format}}, headers...)}
}

// fileOf turns a table of forms into a file; read gives the values that a good
// case must come out with.
func fileOf(format, about string, read func(vectorCase) outcome, forms []form, headers ...header) *vectorFile {
	f := newFile(format, about, headers...)
	for _, tt := range forms {
		if len(tt.raw) <= largestVector {
			f.add(tt.name, tt.raw, nil, read)
		}
	}
	return f
}

// add reads the case and writes down what came of it.
func (f *vectorFile) add(name string, raw []byte, inputs []header, read func(vectorCase) outcome) {
	c := vectorCase{headers: append([]header{{"name", name}}, inputs...), raw: raw}
	got := read(c)
	if got.err != nil {
		c.headers = append(c.headers, header{"expect", string(ledger.CodeOf(got.err))})
		f.cases = append(f.cases, c)
		return
	}
	c.headers = append(c.headers, header{"expect", "ok"})
	for _, name := range sortedKeys(got.values) {
		if got.values[name] != "" {
			c.headers = append(c.headers, header{name, got.values[name]})
		}
	}
	f.cases = append(f.cases, c)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func hexHeader(name string, b []byte) header { return header{name + "-hex", hex.EncodeToString(b)} }
func numHeader(name string, n uint64) header { return header{name + "-hex", fmt.Sprintf("%x", n)} }

func pathHeader(path []ledger.Hash) header { return header{"path-hex", concat(path)} }

func charterHeaders(net *ledgertest.Net) (list []header) {
	for _, s := range net.Signed() {
		list = append(list, hexHeader("charter", must(s.Encode())))
	}
	return list
}

func recordVectors() *vectorFile {
	var forms []form
	for _, e := range recordEdits() {
		r := goldenRecord()
		e.edit(r)
		if raw, err := ledger.Marshal(r); err == nil {
			forms = append(forms, form{e.name, raw, e.want})
		}
	}
	return fileOf("record", "records as operators sign them", readRecordVector, append(forms, encodingForms()...))
}

func leafVectors(t *testing.T) *vectorFile {
	s := cborBytes(make([]byte, 16))
	return fileOf("leaf", "subject leaves: CBOR [salt, subject]", readLeafVector, []form{
		{"a range", unhex(t, goldenLeafBytes), ""},
		{"a number", cborArray(s, cborUint(1)), ""},
		{"null", cborArray(s, []byte{0xf6}), ledger.CodeForm},
		{"a float", cborArray(s, []byte{0xf9, 0, 0}), ledger.CodeForm},
		{"a map with a text key", cborArray(s, cborMap(pair{cborText("a"), cborUint(1)})), ledger.CodeForm},
		{"a long integer", cborArray(s, []byte{0x18, 1}), ledger.CodeNotCanonical},
		{"a salt of 15 bytes", cborArray(cborBytes(make([]byte, 15)), cborUint(1)), ledger.CodeNotCanonical},
		{"no subject", cborArray(s), ledger.CodeForm},
		{"two subjects", cborArray(s, cborUint(1), cborUint(2)), ledger.CodeForm},
	})
}

func sidecarVectors(t *testing.T) *vectorFile {
	forms := append([]form{{"a disclosure and a leaf", unhex(t, goldenSidecarBytes), ""}}, sidecarForms()...)
	return fileOf("sidecar", "sidecars: CBOR {1: [disclosure], 2: [leaf]}", readSidecarVector, forms)
}

func frontierVectors(t *testing.T) *vectorFile {
	seen := func(chain, size uint64) []byte {
		return cborArray(cborUint(chain), cborUint(size), cborBytes(make([]byte, 32)))
	}
	return fileOf("frontier", "payloads of frontier entries: CBOR [[chain, size, root]]", readFrontierVector, []form{
		{"two chains", unhex(t, goldenFrontierBytes), ""},
		{"one chain", cborArray(seen(1, 1)), ""},
		{"none", cborArray(), ledger.CodeForm},
		{"chain 0", cborArray(seen(0, 1)), ledger.CodeForm},
		{"size 0", cborArray(seen(1, 0)), ledger.CodeForm},
		{"not ascending", cborArray(seen(2, 1), seen(1, 1)), ledger.CodeForm},
		{"a chain twice", cborArray(seen(1, 1), seen(1, 2)), ledger.CodeForm},
		{"two parts", cborArray(cborArray(cborUint(1), cborUint(1))), ledger.CodeForm},
		{"null", []byte{0xf6}, ledger.CodeNotCanonical},
	})
}

func charterVectors() *vectorFile {
	var forms []form
	for _, e := range charterEdits() {
		c := goldenCharter()
		e.edit(c)
		forms = append(forms, form{e.name, must(ledger.Marshal(c)), e.want})
	}
	return fileOf("charter", "charter bodies", readCharterVector, forms)
}

func networkVectors() *vectorFile {
	f := newFile("network", "signed charters: CBOR [body, [[member, address, signature]]], each complete or not")
	net := ledgertest.New()
	first := must(net.Signed()[0].Encode())
	add := func(name string, edit func(*ledger.Charter), signers string) {
		s := signedBy(net, net.Next(edit), strings.Fields(signers)...)
		f.add(name, must(s.Encode()), []header{hexHeader("before", first)}, readNetworkVector)
	}
	f.add("the first version, signed by all members", first, nil, readNetworkVector)
	f.add("the first version, one signature missing", must(signedBy(net, net.Charter(), "wh", "dist", "lanzhi").Encode()), nil, readNetworkVector)
	strange := signedBy(net, net.Charter(), "audit", "dist", "lanzhi", "wh")
	sign(strange, "wh", net.Member("wh").Operator)
	f.add("the first version, signed by a stranger too", must(strange.Encode()), nil, readNetworkVector)
	high := signedBy(net, net.Charter(), "audit", "dist", "lanzhi", "wh")
	high.Signatures[0].Sig = malleated(high.Signatures[0].Sig)
	f.add("the first version, a signature with high s", must(high.Encode()), nil, readNetworkVector)

	add("the next version, signed by a quorum", nil, "lanzhi wh dist")
	add("the next version, signed by fewer", nil, "lanzhi wh")
	add("a member joins", join(net), "lanzhi wh dist store")
	add("a member joins, a quorum of the old version only", join(net), "lanzhi wh dist")
	add("a member leaves", leave("dist"), "lanzhi wh audit")
	add("a member leaves and its chain is not ended", func(c *ledger.Charter) { leave("dist")(c); c.Ended = nil }, "lanzhi wh audit")
	add("two witness keys of four changed", func(c *ledger.Charter) {
		c.Cosigners[0].Key, c.Cosigners[1].Key = fill(0xe0), fill(0xe1)
	}, "lanzhi wh dist")
	add("a log key changed", func(c *ledger.Charter) { c.Nodes[0].LogKey = fill(0xe0) }, "lanzhi wh dist")
	add("a wrong previous hash", func(c *ledger.Charter) { h := fill(1); c.Previous = &h }, "lanzhi wh dist")
	branches, end := endFork(net)
	add("a chain with three histories is ended, with evidence", end(forkEvidence(net, branches)), "lanzhi wh audit")
	add("a chain with three histories is ended, without evidence", end(nil), "lanzhi wh audit")
	return f
}

func signatureVectors() *vectorFile {
	f := newFile("signature", "EIP-191 signatures r ‖ s ‖ v of messages")
	add := func(name, message string, sig []byte) {
		f.add(name, sig, []header{hexHeader("message", []byte(message))}, readSignatureVector)
	}
	record, charter := goldenEntries()["record"].Record, goldenSignedCharter()
	add("a record", goldenRecordMessage, record.Sig)
	add("a charter", goldenCharterMessage, charter.Signatures[0].Sig)
	for _, tt := range signatureForms() {
		add(tt.name, signedMessage, tt.raw)
	}
	return f
}

func bundleVectors() *vectorFile {
	return fileOf("entry-bundle", "entry bundles of C2SP tlog-tiles: each entry after its length in 16 bits, big-endian", readBundleVector, []form{
		{"three entries", ledger.EntryBundle([][]byte{{0xa1}, {}, make([]byte, 258)}), ""},
		{"nothing", nil, ""},
		{"half a length", []byte{0}, ledger.CodeForm},
		{"a length without an entry", []byte{0, 1}, ledger.CodeForm},
		{"256 entries", make([]byte, 512), ""},
		{"257 entries", make([]byte, 514), ledger.CodeTooLarge},
	})
}

func subjectProofVectors() *vectorFile {
	f := newFile("subject-proof", "a subject leaf and its RFC 6962 audit path under the subjects root of a record")
	var leaves [][]byte
	add := func(name string, p *ledger.LeafProof, root ledger.Hash) {
		f.add(name, p.Leaf, []header{hexHeader("root", root[:]), numHeader("index", p.Index), numHeader("size", p.Size), pathHeader(p.Path)}, readSubjectProofVector)
	}
	for n := 1; n <= 7; n++ {
		leaves = append(leaves, must((&ledger.Leaf{Salt: salt(byte(n)), Subject: cborUint(uint64(n))}).Encode()))
		root := must(ledger.SubjectsRoot(leaves))
		for i := range leaves {
			add(fmt.Sprintf("leaf %d of %d", i, n), must(ledger.ProveLeaf(leaves, i)), root)
		}
	}
	root := must(ledger.SubjectsRoot(leaves))
	bad := badProofs(must(ledger.ProveLeaf(leaves, 3)), leaves)
	for _, name := range []string{"another leaf", "a hash less", "a hash more", "a changed hash", "an index outside", "no size", "an inner node as its leaf"} {
		add(name, bad[name], root)
	}
	return f
}

func quorumVectors() *vectorFile {
	f := newFile("quorum", "quorum and tolerated faulty members for 1 to 64 cosigners (numbers that go in are hex, as everywhere)")
	for n := range uint64(ledger.MaxCosigners) {
		f.add(fmt.Sprintf("n = %d", n+1), nil, []header{numHeader("cosigners", n+1)}, readQuorumVector)
	}
	return f
}

func treeVectors(t *testing.T) *vectorFile {
	f := newFile("tree", "RFC 6962 trees: leaf i is the 8 bytes of i, big-endian; paths are hashes one after another")
	read := readTreeVectors(t, f)
	for _, size := range []uint64{0, 1, 2, 3, 7, 8, 255, 256, 257, 300} {
		f.add(fmt.Sprintf("size %d", size), nil, []header{numHeader("size", size)}, read)
	}
	for _, at := range [][2]uint64{{1, 0}, {2, 1}, {7, 3}, {257, 256}, {300, 17}} {
		f.add(fmt.Sprintf("leaf %d of %d", at[1], at[0]), nil, []header{numHeader("size", at[0]), numHeader("leaf", at[1])}, read)
	}
	for _, at := range [][2]uint64{{2, 1}, {7, 3}, {8, 8}, {257, 256}, {300, 129}} {
		f.add(fmt.Sprintf("size %d within %d", at[1], at[0]), nil, []header{numHeader("size", at[0]), numHeader("old", at[1])}, read)
	}
	return f
}

func checkpointVectors(t *testing.T) *vectorFile {
	net := ledgertest.New()
	f := newFile("checkpoint", "checkpoint notes, in hex of their text, under the charter", charterHeaders(net)...)
	read := readCheckpointVectors(t, f)
	for _, tt := range checkpointForms(net) {
		if len(tt.raw) <= largestVector {
			f.add(tt.name, tt.raw, nil, read)
		}
	}
	b := net.NewChain("lanzhi")
	for n := range net.Cosigners() {
		cp := b.Cosign(b.Checkpoint(), net.Cosigners()[:n]...)
		f.add(fmt.Sprintf("%d cosignatures", n), cp.Note, nil, read)
	}
	return f
}

func cosignatureVectors(t *testing.T) *vectorFile {
	net := ledgertest.New()
	b := net.NewChain("wh")
	cp := b.Checkpoint()
	f := newFile("cosignature", "cosignature lines, with their line feed, for one checkpoint", append(charterHeaders(net), hexHeader("checkpoint", cp.Note))...)
	read := readCosignatureVectors(t, f)
	for _, tt := range cosignatureForms(net, b) {
		f.add(tt.name, tt.line, []header{hexHeader("member", []byte(tt.member))}, read)
	}
	return f
}

// chainVectors is one chain with attempts that are refused where they stand.
func chainVectors(t *testing.T) *vectorFile {
	net := ledgertest.New()
	first := net.Network
	net.Adopt(func(c *ledger.Charter) { c.Settings.LateHours = 72 })
	b := net.EmptyChain(2)
	f := newFile("chain", "entries of one chain in order, with their sidecars; refused ones are tried and left out", append(charterHeaders(net), numHeader("chain", 2))...)
	read := readChainVectors(t, f)
	add := func(name string, o *ledger.OpenedEntry, sc *ledger.Sidecar) {
		f.add(name, o.Raw, []header{hexHeader("sidecar", must(sc.Encode()))}, read)
		if get(f.cases[len(f.cases)-1].headers, "expect") == "ok" {
			if err := b.TryOpened(o, sc); err != nil {
				t.Fatal(err)
			}
		}
	}
	entry := func(r *ledger.SignedRecord) *ledger.OpenedEntry {
		return must(ledger.RecordEntry(b.Chain.Prev(), b.Now(), r))
	}
	record := func(name string, opts ...ledgertest.RecordOption) {
		r, sc := net.Record("wh", ledger.KindReceive, b.Now(), opts...)
		add(name, entry(r), sc)
	}
	signed := func(name string, r *ledger.SignedRecord, sc *ledger.Sidecar) { add(name, entry(r), sc) }
	seen := func(name string, list ...ledger.Seen) {
		add(name, must(ledger.FrontierEntry(b.Chain.Prev(), b.Now(), list)), nil)
	}
	charter := func(name string, version uint64, hash ledger.Hash) {
		add(name, must(ledger.CharterEntry(b.Chain.Prev(), b.Now(), ledger.CharterRef{Version: version, Hash: hash})), nil)
	}
	grant := func(name string, opts ...ledgertest.RecordOption) {
		r, sc := net.GrantTo("wh", net.Member("wh").OperatorAddress(), []ledger.Kind{ledger.KindReceive, 64}, opts...)
		signed(name, r, sc)
	}
	disclosed := ledgertest.Disclose(ledger.Members, 1, "来源")
	own := ledgertest.Disclose(ledger.Own, 2, 7)

	grant("a grant before the charter")
	charter("a charter that is not held", 3, fill(1))
	charter("the first charter with another hash", 1, fill(1))
	charter("the first charter", 1, first.ID)
	charter("the first charter again", 1, first.ID)
	record("a record before any grant")
	grant("a grant signed by the operator", ledgertest.SignedBy(net.Member("wh").Operator))
	grant("a grant signed by another member's admin", ledgertest.SignedBy(net.Member("dist").Admin))
	grant("a grant for one party", ledgertest.Disclose(ledger.Members, ledger.GrantParty, "store-1"))
	record("a record of the member itself")
	record("a record of another party", ledgertest.Party("store-2"))
	record("a record of the party", ledgertest.Party("store-1"), disclosed, own, ledgertest.Subjects([]any{2, 1}, []any{2, 2}))
	add("the same record again", entry(last(b)), must(ledger.DecodeSidecar(b.Sidecars[b.Size()-1])))
	grant("a grant without limits")
	record("a record of the member itself, now granted")
	record("another network", ledgertest.Edit(func(r *ledger.Record) { r.Network = fill(1) }))
	record("another chain", ledgertest.Edit(func(r *ledger.Record) { r.Chain = 3 }))
	record("another member", ledgertest.Edit(func(r *ledger.Record) { r.Member = "dist" }))
	record("too far ahead", ledgertest.Edit(func(r *ledger.Record) { r.At += ledger.MaxAhead + 1 }))
	record("as far ahead as allowed", ledgertest.Edit(func(r *ledger.Record) { r.At += ledger.MaxAhead }))
	r, sc := net.Record("wh", 64, b.Now(), ledgertest.Name("customs"), disclosed)
	signed("a kind that nobody knows, a shared disclosure missing", r, nil)
	signed("a kind that nobody knows", r, sc)
	r, sc = net.Record("wh", ledger.KindShip, b.Now())
	signed("a kind that is not granted", r, sc)
	r, sc = net.Record("wh", ledger.KindReceive, b.Now())
	add("another previous entry", must(ledger.RecordEntry(fill(1), b.Now(), r)), sc)
	add("a time that goes back", must(ledger.RecordEntry(b.Chain.Prev(), b.Chain.Time()-1, r)), sc)
	add("the same time", must(ledger.RecordEntry(b.Chain.Prev(), b.Chain.Time(), r)), sc)
	seen("a frontier of its own chain", ledger.Seen{Chain: 2, Size: 1, Root: fill(2)})
	seen("a frontier of no chain", ledger.Seen{Chain: 9, Size: 1, Root: fill(2)})
	seen("a frontier", ledger.Seen{Chain: 1, Size: 5, Root: fill(2)}, ledger.Seen{Chain: 3, Size: 1, Root: fill(2)})
	seen("two frontiers in a row", ledger.Seen{Chain: 4, Size: 1, Root: fill(2)})
	record("a record after the frontier")
	seen("a frontier that goes back", ledger.Seen{Chain: 1, Size: 5, Root: fill(2)})
	charter("the second charter", 2, net.Network.Newest().Hash)
	charter("back to the first charter", 1, first.ID)
	r, sc = net.Revoke("wh", net.Member("wh").OperatorAddress(), ledgertest.SignedBy(net.Member("wh").Operator))
	signed("a revocation signed by the operator", r, sc)
	r, sc = net.Revoke("wh", net.Member("wh").OperatorAddress())
	signed("a revocation", r, sc)
	record("a record of an operator that was revoked")
	return f
}

// last is the newest entry's record.
func last(b *ledgertest.Builder) *ledger.SignedRecord {
	o, _ := b.Opened(b.Size() - 1)
	return o.Record
}

func entryProofVectors(t *testing.T) *vectorFile {
	net := ledgertest.New()
	f := newFile("entry-proof", "entries with a C2SP tlog-proof under a quorum checkpoint, and shown parts of their sidecars", charterHeaders(net)...)
	read := readEntryProofVectors(t, f)
	add := func(name string, p *ledger.EntryProof) {
		inputs := []header{hexHeader("tlog-proof", []byte(p.Proof))}
		for _, d := range p.Disclosures {
			inputs = append(inputs, hexHeader("disclosure", d))
		}
		if s := p.Subject; s != nil {
			inputs = append(inputs, hexHeader("leaf", s.Leaf), numHeader("index", s.Index), numHeader("size", s.Size), pathHeader(s.Path))
		}
		f.add(name, p.Entry, inputs, read)
	}
	for _, tt := range entryProofForms(net) {
		if len(tt.proof.Proof) <= largestVector {
			add(tt.name, tt.proof)
		}
	}
	return f
}
