package ledger_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

func address(b byte) (a ledger.Address) {
	for i := range a {
		a[i] = b
	}
	return a
}

func salt(b byte) (s [16]byte) {
	for i := range s {
		s[i] = b
	}
	return s
}

// goldenRecord has every field.
func goldenRecord() *ledger.Record {
	root := fill(0xaa)
	return &ledger.Record{
		Kind: ledger.KindShip, Network: fill(0x11), Chain: 2, Member: "wh", Signer: address(0x22),
		At: ledgertest.Start, Zone: -210, Nonce: salt(0x33), Party: "carrier-7", Place: "dock-1",
		Fields:   must(ledger.Marshal(map[uint64]any{1: 7, 2: "sale", 300: []byte{1, 2}})),
		Subjects: &root, SDM: []ledger.Hash{fill(0xb0), fill(0xb1)}, SDX: []ledger.Hash{fill(0xc0)},
	}
}

// goldenNamed has the fewest fields, and a kind that this version does not know.
func goldenNamed() *ledger.Record {
	return &ledger.Record{
		Kind: 64, Network: fill(0x11), Chain: 300, Member: "lanzhi", Signer: address(0x22),
		At: 1, Zone: 480, Nonce: salt(0x33), Name: "customs",
	}
}

func goldenDisclosure() *ledger.Disclosure {
	return &ledger.Disclosure{Salt: salt(0x44), Audience: ledger.Members, Path: 3, Value: must(ledger.Marshal("store-1"))}
}

func goldenParties() *ledger.Disclosure {
	return &ledger.Disclosure{
		Salt: salt(0x45), Audience: ledger.Parties, Parties: []string{"audit", "lanzhi"}, Path: 24,
		Value: must(ledger.Marshal([]any{1, "箱", true, map[uint64]any{1: -1}})),
	}
}

func goldenLeaf() *ledger.Leaf {
	return &ledger.Leaf{Salt: salt(0x55), Subject: must(ledger.Marshal([]any{1, uint64(6901234567892), 1, 0, 9_999_999}))}
}

func goldenSidecar() *ledger.Sidecar {
	return &ledger.Sidecar{
		Disclosures: [][]byte{must(goldenDisclosure().Encode())},
		Leaves:      [][]byte{must(goldenLeaf().Encode())},
	}
}

func goldenFrontier() ledger.Frontier {
	return ledger.Frontier{{Chain: 1, Size: 2, Root: fill(0x66)}, {Chain: 300, Size: 70_000, Root: fill(0x67)}}
}

func goldenCharterRef() ledger.CharterRef { return ledger.CharterRef{Version: 1, Hash: fill(0x77)} }

// goldenEntries is one entry of each kind.
func goldenEntries() map[string]*ledger.OpenedEntry {
	r := goldenNamed()
	key := ledgertest.New().Member("lanzhi").Operator
	r.Signer = ledger.AddressOf(key)
	signed := must(ledger.SignRecord(r, key))
	return map[string]*ledger.OpenedEntry{
		"charter":  must(ledger.CharterEntry(ledger.Hash{}, ledgertest.Start, goldenCharterRef())),
		"frontier": must(ledger.FrontierEntry(fill(0x88), ledgertest.Start+1, goldenFrontier())),
		"record":   must(ledger.RecordEntry(fill(0x99), ledgertest.Start+2, signed)),
	}
}

// goldenCharter is a version 2 with every field.
func goldenCharter() *ledger.Charter {
	previous := fill(0x10)
	return &ledger.Charter{
		Version: 2, Name: "lanzhi-test", Previous: &previous,
		Members: []ledger.Member{
			{
				Slug: "lanzhi", NameZh: "兰芷", NameEn: "Lanzhi", Role: ledger.Brand, Admins: []ledger.Address{address(0x01), address(0x02)},
				Prefixes: []string{"6901234"}, GTINs: []uint64{6901234567892}, Revoked: []ledger.Address{address(0x03)},
			},
			{Slug: "wh", NameZh: "东仓", NameEn: "East", Role: ledger.Warehouse, Admins: []ledger.Address{address(0x04)}},
		},
		Cosigners: []ledger.Cosigner{{Member: "lanzhi", Key: fill(0x20), Node: 1}},
		Nodes: []ledger.Node{
			{Number: 1, Member: "lanzhi", LogKey: fill(0x21), Peer: "12D3KooWA", Addrs: []string{"/ip4/127.0.0.1/tcp/4001"}, URL: "https://lanzhi.example"},
			{Number: 3, Member: "wh", LogKey: fill(0x22), Peer: "12D3KooWB"},
		},
		Ended:    []ledger.Ended{{Chain: 2, Size: 9, Root: fill(0x30)}},
		Settings: ledger.Settings{PublicEntries: true, LateHours: 72, DefaultMembers: []string{"lanzhi"}, Filings: []string{"沪ICP备1号"}},
	}
}

func goldenSignedCharter() *ledger.SignedCharter {
	s := &ledger.SignedCharter{Body: must(goldenCharter().Encode())}
	if err := s.Sign("lanzhi", ledgertest.New().Member("lanzhi").Admin); err != nil {
		panic(err)
	}
	return s
}

func goldenState() ledger.ChainState {
	return ledger.ChainState{
		Size: 3, Prev: fill(0x40), Time: ledgertest.Start, After: ledger.EntryRecord, Version: 1,
		Tree: []ledger.Hash{fill(0x41), fill(0x42)}, Frontier: []ledger.Seen{{Chain: 2, Size: 5, Root: fill(0x43)}}, Charters: []ledger.CharterAt{{Seq: 0, Version: 1}, {Seq: 255, Version: 2}},
	}
}

func goldenGrant() ledger.Grant {
	return ledger.Grant{Seq: 1, Address: address(0x05), Kinds: []ledger.Kind{ledger.KindErase, ledger.KindShip}, Party: "store-1", Places: []string{"dock-1"}, Until: 9}
}

func TestGoldenBytes(t *testing.T) {
	entries := goldenEntries()
	encoded := func(v interface{ Encode() ([]byte, error) }) []byte { return must(v.Encode()) }
	grantFields := ledger.GrantFields{Address: goldenGrant().Address, Kinds: goldenGrant().Kinds}
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"record", encoded(goldenRecord()), goldenRecordBytes},
		{"record of an unknown kind", encoded(goldenNamed()), goldenNamedBytes},
		{"disclosure", encoded(goldenDisclosure()), goldenDisclosureBytes},
		{"disclosure to parties", encoded(goldenParties()), goldenPartiesBytes},
		{"subject leaf", encoded(goldenLeaf()), goldenLeafBytes},
		{"sidecar", encoded(goldenSidecar()), goldenSidecarBytes},
		{"frontier", encoded(goldenFrontier()), goldenFrontierBytes},
		{"charter reference", must(ledger.Marshal(goldenCharterRef())), goldenCharterRefBytes},
		{"charter entry", entries["charter"].Raw, goldenCharterEntryBytes},
		{"frontier entry", entries["frontier"].Raw, goldenFrontierEntryBytes},
		{"record entry", entries["record"].Raw, goldenRecordEntryBytes},
		{"charter body", encoded(goldenCharter()), goldenCharterBytes},
		{"signed charter", encoded(goldenSignedCharter()), goldenSignedCharterBytes},
		{"chain state", must(ledger.Marshal(goldenState())), goldenStateBytes},
		{"grant", must(ledger.Marshal(goldenGrant())), goldenGrantBytes},
		{"grant fields", must(ledger.Marshal(grantFields)), goldenGrantFieldsBytes},
		{"revoke fields", must(ledger.Marshal(ledger.RevokeFields{Address: address(5)})), "a1 01 540505050505050505050505050505050505050505"},
	}
	for _, tt := range tests {
		wantBytes(t, tt.name, tt.got, unhex(t, tt.want))
	}
}

func TestGoldenBytesOfEmptyState(t *testing.T) {
	got := must(ledger.Marshal(must(ledger.NewChain(ledgertest.New().Network, 1)).State()))
	want := "a6 0100 025820" + strings.Repeat("00", 32) + "0300 0400 0500 0680"
	wantBytes(t, "state of an empty chain", got, unhex(t, want))
}

func TestGoldenHashes(t *testing.T) {
	entry := goldenEntries()["record"]
	tests := []struct{ name, got, want string }{
		{"record id", entry.Record.ID.String(), "acc82d3c2ec22952f2e8aa9d96a2bbc37852f2c1c877810347ec1eab9e50689f"},
		{"leaf hash of an entry", entry.Hash.String(), "990f128b987a11d223cc016e7e5f02d8b96dfa042a4e2fc94ff46a89763e43bb"},
		{"disclosure digest", ledger.DisclosureDigest(unhex(t, goldenDisclosureBytes)).String(), "449a7fbe95a40fcbf8086994d868dbc016c6ce40004adc6901a79958fd3eafd6"},
		{"charter hash", ledger.Keccak(unhex(t, goldenCharterBytes)).String(), "fdb666beae663a1c8557e421188a086432129031bd831d3b7e7883847bbdc2ee"},
		{"root of no leaves", ledger.EmptyRoot().String(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"root of one subject", must(ledger.SubjectsRoot([][]byte{unhex(t, goldenLeafBytes)})).String(), "6232c55c7071393ca08ac15d3ef3fb48ff5baa242101e06348505eb1f455397e"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

// What an operator and an admin sign in goldenEntries and goldenSignedCharter.
const (
	goldenRecordMessage = "Suyuan record\n" +
		"network: 1111111111111111111111111111111111111111111111111111111111111111\n" +
		"kind: customs\n" +
		"record: 0xacc82d3c2ec22952f2e8aa9d96a2bbc37852f2c1c877810347ec1eab9e50689f"
	goldenCharterMessage = "Suyuan charter\n" +
		"network: lanzhi-test\n" +
		"version: 2\n" +
		"charter: 0xfdb666beae663a1c8557e421188a086432129031bd831d3b7e7883847bbdc2ee"
)

// The messages are those that a wallet shows. They are not exported, so the
// signature tells: it recovers to the signer from the right text alone.
func TestGoldenMessages(t *testing.T) {
	record := goldenEntries()["record"].Record
	charter := goldenSignedCharter()
	tests := []struct {
		name, text string
		sig        []byte
		signer     ledger.Address
	}{
		{"record", goldenRecordMessage, record.Sig, record.Record.Signer},
		{"charter", goldenCharterMessage, charter.Signatures[0].Sig, charter.Signatures[0].Address},
	}
	for _, tt := range tests {
		got, err := ledger.RecoverMessage(tt.text, tt.sig)
		if err != nil || got != tt.signer {
			t.Errorf("%s: the message recovers to %s (%v), want %s", tt.name, got, err, tt.signer)
		}
	}
}

// goldenNote is the checkpoint of lanzhi's chain with a charter entry and a
// grant, cosigned by wh: text lines origin, size and root in base64, an empty
// line, then one line per signature: an em dash, the key name, and base64 of
// 4 bytes of key id with the signature. A cosignature has 8 bytes of time
// between the two.
const goldenNote = `lanzhi-test/e1a73fcc/lanzhi/1
2
F8pahVk3LA6FhefL0tYOR8/SVFllPKjCoJrnAVfL87U=

— lanzhi-test/e1a73fcc/lanzhi/1 jw9+591yQ/gOuUP7KAX+z4et8aeNhC2y1z3AT+KmaL+mI1nQDTAh/xuJ7WrUImnf0seDe32C7RFsVubuS4fOmLz+PgQ=
— lanzhi-test/e1a73fcc/wh imj8PwAAAABpo4GC2UyZUUIs+YVkxiqVFXFLPprSHkTeBU2pRH3ojADZjHDfVLBOUmzNv1NMhBhPJnwE1IqcgMrN+q45N51QN8tXBA==
`

func TestGoldenCheckpoint(t *testing.T) {
	net := ledgertest.New()
	b := net.NewChain("lanzhi")
	cp := b.Cosign(b.Checkpoint(), "wh")
	wantBytes(t, "checkpoint note", cp.Note, []byte(goldenNote))
	if got, want := ledger.Origin("a.b", fill(0xab), "wh", 7), "a.b/abababab/wh/7"; got != want {
		t.Errorf("origin %s, want %s", got, want)
	}
	if got, want := ledger.WitnessName("a.b", fill(0xab), "wh"), "a.b/abababab/wh"; got != want {
		t.Errorf("witness name %s, want %s", got, want)
	}
}

func TestGoldenCosignatureParts(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(goldenNote, "\n"), "\n")
	_, b64, _ := strings.Cut(strings.TrimPrefix(lines[5], "— "), " ")
	sig := must(base64.StdEncoding.DecodeString(b64))
	if len(sig) != 4+8+64 {
		t.Fatalf("a cosignature has %d bytes, want 76", len(sig))
	}
	if got, want := hex.EncodeToString(sig[:4]), "8a68fc3f"; got != want {
		t.Errorf("key id %s, want %s", got, want)
	}
	if got, want := binary.BigEndian.Uint64(sig[4:12]), uint64(ledgertest.Start/1000+2); got != want {
		t.Errorf("time %d, want %d", got, want)
	}
	pub := ledgertest.New().Member("wh").Witness.Public().(ed25519.PublicKey)
	text := strings.Join(lines[:3], "\n") + "\n"
	if !ed25519.Verify(pub, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", ledgertest.Start/1000+2, text), sig[12:]) {
		t.Error("the signature is not over cosignature/v1, the time and the note's text")
	}
	keyID := sha256.Sum256(append([]byte("lanzhi-test/e1a73fcc/wh\n\x04"), pub...))
	wantBytes(t, "key id: SHA-256 of name, LF, 04, public key", sig[:4], keyID[:4])
}

func TestGoldenEntryBundle(t *testing.T) {
	got := ledger.EntryBundle([][]byte{{0xa1, 0xa2, 0xa3}, {}, make([]byte, 258)})
	want := "0003 a1a2a3 // first entry\n 0000 // an empty one\n 0102 // 258 bytes\n" + strings.Repeat("00", 258)
	wantBytes(t, "entry bundle", got, unhex(t, want))
}
