package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"suyuan/ledger"
)

func hash(b byte) (h ledger.Hash) {
	for i := range h {
		h[i] = b
	}
	return h
}

var h32 = strings.Repeat("11", 32)

// samples are one message of each type with the bytes of its frame: the format,
// as another implementation would have to produce it.
var samples = []struct {
	name  string
	p     Protocol
	m     Message
	frame string // hex; spaces between fields
}{
	{"hello", Ctl, &Hello{Version: 1, Network: hash(0x11), Number: 3, Charter: 2, CharterHash: hash(0x22), Instance: 7},
		"50 01 a6 01 01 02 5820" + h32 + " 03 03 04 02 05 5820" + strings.Repeat("22", 32) + " 06 07"},
	{"have", Ctl, &Have{Chains: []Holding{{Chain: 1, Size: 256, Signed: []byte("s"), Final: []byte("f")}, {Chain: 2}}},
		"16 02 a1 01 82 a4 01 01 02 190100 03 4173 04 4166 a2 01 02 02 00"},
	{"addr", Ctl, &Addr{Number: 3, Seq: 5, Addrs: []string{"/ip4/1.2.3.4/tcp/1"}, Sig: bytes.Repeat([]byte{9}, 64)},
		"5e 03 a4 01 03 02 05 03 81 72" + hex.EncodeToString([]byte("/ip4/1.2.3.4/tcp/1")) + " 04 5840" + strings.Repeat("09", 64)},
	{"charter", Ctl, &Charter{Version: 2, Hash: hash(0x11)}, "27 04 a2 01 02 02 5820" + h32},
	{"alert", Ctl, &Alert{A: []byte("a"), B: []byte("b")}, "08 05 a2 01 4161 02 4162"},
	{"alert of two sizes", Ctl, &Alert{A: []byte("a"), B: []byte("b"), Prefix: ptr(hash(0x11)), Proof: []ledger.Hash{hash(0x11)}},
		"4f 05 a4 01 4161 02 4162 03 5820" + h32 + " 04 81 5820" + h32},
	{"refused ended", Cosign, &Refused{Reason: ReasonEnded}, "04 22 a1 01 08"},
	{"ping", Ctl, &Ping{Token: 10}, "04 06 a1 01 0a"},
	{"pong", Ctl, &Ping{Token: 10, Answer: true}, "06 06 a2 01 0a 02 f5"},
	{"bye", Ctl, &Bye{Reason: "ok"}, "06 07 a1 01 626f6b"},
	{"get range", Fetch, &GetRange{Chain: 1, From: 0, To: 256, Size: 300}, "0e 10 a4 01 01 02 00 03 190100 04 19012c"},
	{"get disclosures", Fetch, &GetRange{Chain: 1, From: 0, To: 1, Size: 1, Disclosures: true}, "0c 10 a5 01 01 02 00 03 01 04 01 05 f5"},
	{"item", Fetch, &Item{Entry: []byte("e"), Sidecar: []byte("s")}, "08 11 a2 01 4165 02 4173"},
	{"item without sidecar", Fetch, &Item{Entry: []byte("e")}, "05 11 a1 01 4165"},
	{"item without anything", Fetch, &Item{}, "02 11 a0"},
	{"get charter", Fetch, &GetCharter{Version: 2}, "04 12 a1 01 02"},
	{"full charter", Fetch, &FullCharter{Body: []byte("b"), Signatures: []ledger.CharterSignature{{Member: "wh", Sig: []byte("s")}}},
		"22 13 a2 01 4162 02 81 83 627768 54" + strings.Repeat("00", 20) + " 4173"},
	{"get blob", Fetch, &GetBlob{Digest: hash(0x11), Offset: 24}, "28 14 a2 01 5820" + h32 + " 02 1818"},
	{"blob", Fetch, &Blob{Size: 24}, "05 15 a1 01 1818"},
	{"chunk", Fetch, &Chunk{Data: []byte("abc")}, "04 16 616263"},
	{"get scans", Fetch, &GetScans{Journal: 7, After: 3}, "06 1a a2 01 07 02 03"},
	{"get scans from the beginning", Fetch, &GetScans{}, "02 1a a0"},
	{"scans", Fetch, &Scans{Journal: 7, Next: 4, Counts: []ScanCount{{Item: [16]byte{1}, Cycle: 2, Count: 5, First: 1000, Country: "CN", Zh: "杭州", En: "Hz"}}},
		"2c 1b a3 01 07 02 04 03 81 87 50" + "01" + strings.Repeat("00", 15) + " 02 05 1903e8 62434e 66e69dade5b79e 62487a"},
	{"end", Fetch, &End{Proof: []ledger.Hash{hash(0x11)}}, "28 1f a2 01 00 03 81 5820" + h32},
	{"end busy", Fetch, &End{Status: StatusBusy, Wait: 200}, "07 1f a2 01 02 02 18c8"},
	{"propose", Cosign, &Propose{Note: []byte("n")}, "05 20 a1 01 416e"},
	{"cosigned", Cosign, &Cosigned{Line: []byte("l")}, "05 21 a1 01 416c"},
	{"refused", Cosign, &Refused{Reason: ReasonConflict, Note: []byte("n"), Size: 3}, "09 22 a3 01 02 02 416e 03 03"},
	{"claim", Ask, &Claim{GTIN: 24, Serial: "S", Second: "2", Token: hash(0x11), Tag: "t"},
		"31 30 a5 01 1818 02 6153 03 6132 04 5820" + h32 + " 05 6174"},
	{"claimed first", Ask, &Claimed{Outcome: OutcomeFirst, At: 1000}, "08 31 a2 01 01 02 1903e8"},
	{"claimed wait", Ask, &Claimed{Outcome: OutcomeWait, Wait: 200}, "07 31 a2 01 05 03 18c8"},
}

func ptr[T any](v T) *T { return &v }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFramesHaveTheseBytes(t *testing.T) {
	seen := map[Type]bool{}
	for _, s := range samples {
		seen[s.m.Type()] = true
		t.Run(s.name, func(t *testing.T) {
			want := unhex(t, s.frame)
			got, err := s.p.Append(nil, s.m)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got  %x, %v\nwant %x", got, err, want)
			}
			back, err := s.p.NewReader(bytes.NewReader(want)).Next()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s.m, back, cmpopts.IgnoreUnexported(ledger.CharterSignature{}, ScanCount{})); d != "" {
				t.Fatal(d)
			}
		})
	}
	for n := range 256 {
		if newMessage(Type(n)) != nil && !seen[Type(n)] {
			t.Errorf("no sample of message type %d", n)
		}
	}
}

func TestReaderGivesMessagesInOrderAndThenEOF(t *testing.T) {
	var buf bytes.Buffer
	w := Fetch.NewWriter(&buf)
	for i := range 3 {
		if err := w.Write(&Item{Entry: []byte{byte(i + 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Send(&End{}); err != nil {
		t.Fatal(err)
	}
	r := Fetch.NewReader(&buf)
	for i := range 3 {
		m, err := r.Next()
		if item, ok := m.(*Item); err != nil || !ok || item.Entry[0] != byte(i+1) {
			t.Fatalf("message %d: %v, %v", i, m, err)
		}
	}
	if m, err := r.Next(); err != nil || m.Type() != TypeEnd {
		t.Fatalf("last: %v, %v", m, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("after the end: %v, want io.EOF", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		p           Protocol
		want        error
	}{
		{"a length of zero", "00", Ctl, ErrFrame},
		{"a longer form of a length", "8400", Ctl, ErrFrame},
		{"a length over the limit", "85a004", Ctl, ErrFrame},
		{"a length of four bytes", "ffffff01", Fetch, ErrFrame},
		{"an end within the length", "80", Ctl, io.ErrUnexpectedEOF},
		{"an end within the body", "0406a1", Ctl, io.ErrUnexpectedEOF},
		{"a type of another protocol", "0406a1010a", Fetch, ErrFrame},
		{"a type between two protocols", "010f", Ctl, ErrFrame},
		{"a type that does not exist", "0217a0", Fetch, ErrFrame},
		{"an unknown key", "0606a2010a0900", Ctl, ErrFrame},
		{"a longer form of an integer", "0506a101180a", Ctl, ErrFrame},
		{"a false that should be absent", "0606a2010a02f4", Ctl, ErrFrame},
		{"null for a note", "0605a201f602f6", Ctl, ErrFrame},
		{"bytes after the body", "0506a1010a00", Ctl, ErrFrame},
		{"no chain in have", "0402a10180", Ctl, ErrFrame},
		{"chains not ascending", "0c02a10182a201020200a201010200", Ctl, ErrFrame},
		{"an empty range", "0a10a4010102010301" + "0401", Fetch, ErrFrame},
		{"a range over the proof", "0a10a4010102000302" + "0401", Fetch, ErrFrame},
		{"an empty chunk", "0116", Fetch, ErrFrame},
		{"a journal position without a journal", "041aa10203", Fetch, ErrFrame},
		{"no counts", "081ba301070204" + "0380", Fetch, ErrFrame},
		{"a count of nothing", "201ba3010702040381" + "8750" + strings.Repeat("00", 16) + "000001606060", Fetch, ErrFrame},
		{"an unknown status", "041fa10109", Fetch, ErrFrame},
		{"an unknown reason", "0422a10109", Cosign, ErrFrame},
		{"an unknown outcome", "0431a10109", Ask, ErrFrame},
		{"a first use without a time", "0431a10101", Ask, ErrFrame},
		{"a wrong code with a time", "0631a20104020a", Ask, ErrFrame},
		{"a first use with a wait", "0831a30101020a0301", Ask, ErrFrame},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.p.NewReader(bytes.NewReader(unhex(t, c.frame))).Next()
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, %v; want %v", m, err, c.want)
			}
		})
	}
}

// TestLargestMessagesFit holds the limits against what the ledger allows.
func TestLargestMessagesFit(t *testing.T) {
	signatures := make([]ledger.CharterSignature, ledger.MaxCharterSignatures)
	for i := range signatures {
		signatures[i] = ledger.CharterSignature{Member: strings.Repeat("m", ledger.MaxSlug), Sig: make([]byte, 65)}
	}
	note := make([]byte, ledger.MaxCheckpointBytes)
	for _, c := range []struct {
		p Protocol
		m Message
	}{
		{Fetch, &Item{Entry: make([]byte, ledger.MaxEntryBytes), Sidecar: make([]byte, ledger.MaxSidecarBytes)}},
		{Fetch, &FullCharter{Body: make([]byte, ledger.MaxCharterBytes), Signatures: signatures}},
		{Fetch, &Chunk{Data: make([]byte, MaxChunk)}},
		{Fetch, &End{Proof: make([]ledger.Hash, MaxProof)}},
		{Fetch, &Scans{Journal: math.MaxUint64, Next: math.MaxUint64, Counts: slices.Repeat([]ScanCount{{
			Cycle: math.MaxUint16, Count: math.MaxUint64, First: math.MaxInt64, Country: "CN",
			Zh: strings.Repeat("x", MaxCityName), En: strings.Repeat("x", MaxCityName),
		}}, MaxScans)}},
		{Ctl, &Alert{A: note, B: note, Prefix: ptr(hash(1)), Proof: make([]ledger.Hash, ledger.MaxConsistencyProof)}},
		{Ctl, &Have{Chains: []Holding{{Chain: 1, Size: 1 << 60, Signed: note, Final: note}}}},
		{Cosign, &Propose{Note: note}},
		{Cosign, &Refused{Reason: ReasonConflict, Note: note, Size: 1 << 60}},
	} {
		frame, err := c.p.Append(nil, c.m)
		if err != nil {
			t.Errorf("message type %d: %v", c.m.Type(), err)
			continue
		}
		if _, err := c.p.NewReader(bytes.NewReader(frame)).Next(); err != nil {
			t.Errorf("message type %d: %v", c.m.Type(), err)
		}
	}
}

func TestWriterRefusesWhatAReaderWould(t *testing.T) {
	for _, c := range []struct {
		p Protocol
		m Message
	}{
		{Ctl, &Item{}},
		{Ctl, &Have{}},
		{Ctl, &Bye{Reason: strings.Repeat("x", MaxReason+1)}},
		{Fetch, &Chunk{Data: make([]byte, MaxChunk+1)}},
		{Fetch, &GetRange{Chain: 1, To: MaxRange + 1, Size: MaxRange + 1}},
	} {
		if frame, err := c.p.Append(nil, c.m); err == nil {
			t.Errorf("wrote %x", frame)
		}
	}
}

func TestProtocolNamesTheNetwork(t *testing.T) {
	if got, want := Cosign.ID(hash(0xab)), "/suyuan/abababab/cosign/1"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestAddrMessage(t *testing.T) {
	got, err := (&Addr{Number: 3, Seq: 5, Addrs: []string{"a"}}).Message(hash(0x11))
	want := append([]byte("suyuan/addr/v1\n"), unhex(t, "84 5820"+h32+" 03 05 81 6161")...)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %x, %v; want %x", got, err, want)
	}
}

// FuzzReader holds that whatever a Reader accepts is what a Writer writes.
func FuzzReader(f *testing.F) {
	protocols := []Protocol{Ctl, Fetch, Cosign, Ask}
	for _, s := range samples {
		raw, _ := hex.DecodeString(strings.ReplaceAll(s.frame, " ", ""))
		for i := range protocols {
			f.Add(byte(i), raw)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		p := protocols[int(which)%len(protocols)]
		r := p.NewReader(bufio.NewReader(bytes.NewReader(data)))
		var again []byte
		for {
			m, err := r.Next()
			if err != nil {
				break
			}
			if again, err = p.Append(again, m); err != nil {
				t.Fatalf("read %T and cannot write it: %v", m, err)
			}
			if !bytes.HasPrefix(data, again) {
				t.Fatalf("read %x, wrote %x", data, again)
			}
		}
	})
}

func BenchmarkItem(b *testing.B) {
	item := &Item{Entry: make([]byte, 600), Sidecar: make([]byte, 900)}
	var buf bytes.Buffer
	w, r := Fetch.NewWriter(&buf), Fetch.NewReader(&buf)
	b.SetBytes(1500)
	for b.Loop() {
		if err := w.Send(item); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
