package proof_test

import (
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/proof"
)

var giftBox = must(gs1.ParseGTIN("06901234567885"))

// The bottle that went into gift box 0, and the one that went into gift box 1.
const (
	inBox0 = 250
	inBox1 = 262
)

// newBoxWorld is a world in which the brand puts single bottles into gift boxes,
// whose codes the world is about from here on. It returns what tells of box 0.
func newBoxWorld(t *testing.T) (*world, []trace.Position) {
	t.Helper()
	w := newWorld(t)
	events := w.positions("product", "run", "factory", "activate", "case")
	w.issue(t, code.Run{GTIN: giftBox.Uint64(), Number: runNumber, Count: 20, Secret: code.Secret{8}})
	w.writeProduct(w.brand, w.brand.Number)
	w.writeRun(w.brand)
	made := func(box, bottle uint32) trace.Subject {
		out, in := trace.OfRange(trace.Range{GTIN: giftBox, Run: runNumber, From: box, To: box}), bottles(bottle, bottle)
		return trace.Subject{Kind: trace.SubjectMade, Output: &out, Input: &in}
	}
	w.note("box", w.brand, ledger.KindTransform, subjects(made(0, inBox0), made(1, inBox1)), disclose(ledger.Item, 1, "kit"), disclose(ledger.Item, 2, "G1"))
	return w, append(events, w.positions("product", "run", "box")...)
}

// A proof of something that was made of something else proves that too, and shows
// of the making what concerns it alone.
func TestProofCoversSources(t *testing.T) {
	w, events := newBoxWorld(t)
	in := w.input(0)
	in.Events = events
	b := build(t, in)
	res, err := b.Verify(w.Network.ID)
	if err != nil {
		t.Fatal(err)
	}
	if res.Verdict != trace.Consistent || res.GTIN != giftBox.String() || len(res.Trail.Sources) != 1 {
		t.Fatalf("%s of %s with %d sources: %+v", res.Verdict, res.GTIN, len(res.Trail.Sources), res.Trail.Findings)
	}
	source := res.Trail.Sources[0]
	var kinds []string
	for _, e := range source.Events {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); source.GTIN != wine.String() || got != "run activate pack transform" || source.Custody.State != trace.Used || source.Lot != "L2026-03" {
		t.Errorf("source %s, lot %s, %s, with %s", source.GTIN, source.Lot, source.Custody.State, got)
	}
	other := bottles(inBox1, inBox1)
	for i := range b.Entries {
		if s := b.Entries[i].Subject; s != nil {
			subject, err := trace.DecodeSubject(must(ledger.DecodeLeaf(s.Leaf)).Subject)
			if err != nil {
				t.Fatal(err)
			}
			if subject.Kind == trace.SubjectMade && subject.Input.Range == other.Range {
				t.Error("the bundle tells what another box was made of")
			}
		}
	}
}

// Nothing that has no part in the item gets in as a source of it.
func TestProofRefusesStrangersAsSources(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(w *world) []trace.Position
		code ledger.Code
	}{
		{"another run of the product", func(w *world) []trace.Position {
			w.issue(t, code.Run{GTIN: giftBox.Uint64(), Number: runNumber + 1, Count: 20, Secret: code.Secret{9}})
			w.writeRun(w.brand)
			return w.positions("run")
		}, proof.CodeCode},
		{"a run of something else", func(w *world) []trace.Position {
			w.issue(t, code.Run{GTIN: cases.Uint64(), Number: runNumber + 1, Count: 20, Secret: code.Secret{10}})
			w.writeRun(w.brand)
			return w.positions("run")
		}, proof.CodeCode},
		{"a product of something else", func(w *world) []trace.Position {
			w.issue(t, code.Run{GTIN: cases.Uint64(), Number: runNumber, Count: 20, Secret: code.Secret{10}})
			w.writeProduct(w.brand, w.brand.Number)
			return w.positions("product")
		}, proof.CodeEvent},
		{"events of another bottle", func(w *world) []trace.Position { return w.positions("sell") }, proof.CodeSubject},
	} {
		w, events := newBoxWorld(t)
		in := w.input(0)
		in.Events = append(events, c.add(w)...)
		_, err := proof.Build(in)
		if got := ledger.CodeOf(err); got != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}

// A run of a source is held against who may issue it, as that of the item is.
func TestSourcesRunNeedsItsIssuer(t *testing.T) {
	w, events := newBoxWorld(t)
	in := w.input(0)
	in.Events = slices.DeleteFunc(events, func(p trace.Position) bool { return p == events[0] }) // the bottle's product record
	if _, err := proof.Build(in); ledger.CodeOf(err) != proof.CodeAuthority {
		t.Errorf("%v, want %s", err, proof.CodeAuthority)
	}
}

// Who makes something in the brand's name does so by an appointment that no bundle
// shows: it is believed, and said.
func TestProofSaysWhatItBelieves(t *testing.T) {
	for _, byBrand := range []bool{true, false} {
		w, events := newBoxWorld(t)
		if !byBrand {
			out, in := trace.OfRange(trace.Range{GTIN: giftBox, Run: runNumber, From: 0, To: 0}), bottles(held, held)
			w.note("box", w.wh, ledger.KindTransform, subjects(trace.Subject{Kind: trace.SubjectMade, Output: &out, Input: &in}), disclose(ledger.Item, 1, "kit"))
			events = append(events[:len(events)-1], w.positions("load 1", "ship 0", "receive", "box")...)
		}
		in := w.input(0)
		in.Events = events
		res, err := build(t, in).Verify(w.Network.ID)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(strings.Join(res.Limits, "\n"), "that the brand had appointed it")
		if res.Verdict != trace.Consistent || len(res.Trail.Sources) != 1 || said == byBrand {
			t.Errorf("by the brand %v: %s with %d sources, said %v: %+v", byBrand, res.Verdict, len(res.Trail.Sources), said, res.Trail.Findings)
		}
	}
}
