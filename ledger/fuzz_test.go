package ledger_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
)

// identity fuzzes a decoder: whatever it accepts must encode to the same bytes.
func identity[T interface{ Encode() ([]byte, error) }](f *testing.F, decode func([]byte) (T, error), seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
		if _, err := decode(s); err != nil {
			f.Fatalf("a seed is refused: %v", err)
		}
		f.Add(s[:len(s)-1])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode(raw)
		if err != nil {
			if ledger.CodeOf(err) == "" {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		again, err := v.Encode()
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("encodes to %x (%v), decoded from %x", again, err, raw)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	identity(f, ledger.DecodeRecord, unhex(f, goldenRecordBytes), unhex(f, goldenNamedBytes))
}

func FuzzDecodeDisclosure(f *testing.F) {
	identity(f, ledger.DecodeDisclosure, unhex(f, goldenDisclosureBytes), unhex(f, goldenPartiesBytes))
}

func FuzzDecodeLeaf(f *testing.F) { identity(f, ledger.DecodeLeaf, unhex(f, goldenLeafBytes)) }

func FuzzDecodeSidecar(f *testing.F) { identity(f, ledger.DecodeSidecar, unhex(f, goldenSidecarBytes)) }

func FuzzDecodeFrontier(f *testing.F) {
	identity(f, ledger.DecodeFrontier, unhex(f, goldenFrontierBytes))
}

func FuzzDecodeEntry(f *testing.F) {
	identity(f, ledger.DecodeEntry, unhex(f, goldenCharterEntryBytes), unhex(f, goldenFrontierEntryBytes), unhex(f, goldenRecordEntryBytes))
}

func FuzzDecodeCharter(f *testing.F) { identity(f, ledger.DecodeCharter, unhex(f, goldenCharterBytes)) }

func FuzzDecodeSignedCharter(f *testing.F) {
	identity(f, ledger.DecodeSignedCharter, unhex(f, goldenSignedCharterBytes))
}

// What OpenEntry accepts must be built again by the builders.
func FuzzOpenEntry(f *testing.F) {
	for _, o := range goldenEntries() {
		f.Add(o.Raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := ledger.OpenEntry(raw)
		if err != nil {
			return
		}
		var again *ledger.OpenedEntry
		switch o.Entry.Kind {
		case ledger.EntryRecord:
			again, err = ledger.RecordEntry(o.Entry.Prev, o.Entry.Time, o.Record)
		case ledger.EntryFrontier:
			again, err = ledger.FrontierEntry(o.Entry.Prev, o.Entry.Time, o.Frontier)
		case ledger.EntryCharter:
			again, err = ledger.CharterEntry(o.Entry.Prev, o.Entry.Time, *o.Charter)
		}
		if err != nil || !bytes.Equal(again.Raw, raw) || again.Hash != o.Hash {
			t.Errorf("built again as %+v (%v) from %x", again, err, raw)
		}
	})
}

// Whatever stands on a chain, checking foreign bytes after it never panics, and
// what is refused changes nothing.
func FuzzChainCheck(f *testing.F) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	next := b.Clone()
	next.Record(ledger.KindReceive, ledgertest.Disclose(ledger.Members, 1, "a"), ledgertest.Subjects(1))
	f.Add(next.Entries[2], next.Sidecars[2])
	f.Add(goldenEntries()["frontier"].Raw, []byte(nil))
	f.Fuzz(func(t *testing.T, raw, sidecar []byte) {
		c := b.Clone()
		if err := c.TryEntry(raw, sidecar); err != nil {
			if got, want := encodeState(c.Chain), encodeState(b.Chain); got != want {
				t.Errorf("a refused entry changed the chain")
			}
		}
	})
}

func FuzzSplitBundle(f *testing.F) {
	f.Add(ledger.EntryBundle([][]byte{{1, 2}, {}, {3}}))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if entries, err := ledger.SplitBundle(data); err == nil && !bytes.Equal(ledger.EntryBundle(entries), data) {
			t.Errorf("split %x into %x", data, entries)
		}
	})
}

func FuzzCheckValue(f *testing.F) {
	f.Add(unhex(f, "840163e7aeb1f5a10120"))
	f.Add(unhex(f, "8181818181818181"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ledger.CheckValue(raw) != nil {
			return
		}
		d := ledger.Disclosure{Audience: ledger.Own, Value: raw}
		if _, err := d.Encode(); err != nil && ledger.CheckValue(cborArray(raw)) == nil {
			t.Errorf("a value that is allowed cannot be disclosed: %v", err)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	net := ledgertest.New()
	cp := net.NewChain("wh").Final()
	v := net.Network.Newest().Verifiers
	f.Add(cp.Note)
	f.Add(cp.Note[:200])
	f.Fuzz(func(t *testing.T, raw []byte) {
		ledger.PeekCheckpoint(raw)
		v.Cosignatures(raw)
		got, err := v.Open(raw)
		if err == nil && (got.Size != cp.Size || got.Root != cp.Root) {
			t.Errorf("a checkpoint that was never signed: %q", raw)
		}
	})
}

func FuzzVerifyCosignature(f *testing.F) {
	net := ledgertest.New()
	b := net.NewChain("wh")
	cp := b.Checkpoint()
	line := net.Cosignature(cp, "dist", b.Now())
	v := net.Network.Newest().Verifiers
	f.Add(line)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := v.VerifyCosignature(cp, "dist", raw); err == nil && !bytes.Equal(raw, line) {
			t.Errorf("a cosignature that was never made: %q", raw)
		}
		v.Merge(cp, raw)
	})
}

func FuzzRecoverMessage(f *testing.F) {
	f.Add("a", must(ledger.SignMessage("a", ledgertest.OperatorKey("fuzz"))))
	f.Fuzz(func(t *testing.T, msg string, sig []byte) {
		if _, err := ledger.RecoverMessage(msg, sig); err == nil {
			if _, err := ledger.RecoverMessage(msg, malleated(sig)); err == nil {
				t.Errorf("two signatures for one message: %x and its mirror image", sig)
			}
		}
	})
}

func FuzzCharterFile(f *testing.F) {
	f.Add(must(json.Marshal(ledgertest.New().Signed()[0])))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s ledger.SignedCharter
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		var again ledger.SignedCharter
		if err := json.Unmarshal(must(json.Marshal(&s)), &again); err != nil || !bytes.Equal(again.Body, s.Body) {
			t.Errorf("written and read again: %v", err)
		}
		s.VerifyFirst()
	})
}
