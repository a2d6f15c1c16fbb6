package proof_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/proof"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestBundleGivesTheTrailOfTheItem(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name     string
		index    uint32
		state    trace.State
		holder   string
		timeline string
	}{
		{"sold", sold, trace.Sold, "",
			"run activate pack pack ship receive unpack ship receive unpack sell"},
		{"held", held, trace.Held, "wh", "run activate pack pack ship receive"},
		{"in transit", moving, trace.InTransit, "lanzhi", "run activate pack pack ship"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := build(t, w.input(c.index)).Verify(w.Network.ID)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != trace.Consistent || r.Code != proof.StatusIssued || !r.Compared || len(r.Trail.Findings) > 0 {
				t.Errorf("verdict %s, code %s, compared %v, findings %v", r.Verdict, r.Code, r.Compared, r.Trail.Findings)
			}
			if got := *r.Trail.Custody; got != (trace.CustodyView{State: c.state, Holder: c.holder}) {
				t.Errorf("custody %v", got)
			}
			if got := kinds(r.Trail); got != c.timeline {
				t.Errorf("timeline\n got %s\nwant %s", got, c.timeline)
			}
			if r.Trail.Lot != "L2026-03" || r.Serial != w.run.Serial(c.index).String() || r.GTIN != wine.String() {
				t.Errorf("lot %s, serial %s, GTIN %s", r.Trail.Lot, r.Serial, r.GTIN)
			}
			if len(r.Events) != len(trails[c.index]) {
				t.Errorf("%d records for the %d that were to be shown", len(r.Events), len(trails[c.index]))
			}
			for _, e := range r.Events {
				if len(e.Cosigners) != 4 || e.Of != 4 || e.Quorum != 3 {
					t.Errorf("event %d of chain %d: cosigned by %v of %d", e.Seq, e.Chain, e.Cosigners, e.Of)
				}
			}
			if got, want := r.Trail, w.ownTrail(t, c.index, r.URI, r.Trail.AsOf); !bytes.Equal(marshal(t, got), marshal(t, want)) {
				t.Errorf("the bundle's trail differs from that of a node that holds everything\n got %s\nwant %s", marshal(t, got), marshal(t, want))
			}
		})
	}
}

func kinds(v *trace.TrailView) string {
	var list []string
	for _, e := range v.Events {
		list = append(list, e.Kind)
	}
	return strings.Join(list, " ")
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// ownTrail folds what a node holds: all records with their whole sidecars.
func (w *world) ownTrail(t testing.TB, index uint32, uri string, asOf map[string]uint64) *trace.TrailView {
	t.Helper()
	in := trace.Input{
		Item: trace.Code(wine, runNumber, index), URI: uri, Serial: w.run.Serial(index).String(),
		AsOf: map[uint32]uint64{}, Charters: []*ledger.Charter{w.Charter()},
	}
	for _, b := range []*ledgertest.Builder{w.brand, w.wh, w.dist} {
		if size, ok := asOf[b.Name()]; ok {
			in.AsOf[b.Number] = size
		}
		for seq := range b.Size() {
			o, sc := b.Opened(seq)
			if o.Record == nil || o.Record.Record.Kind == ledger.KindGrant {
				continue
			}
			e, err := trace.DecodeEvent(trace.Position{Chain: b.Number, Seq: seq}, o, sc)
			if err != nil {
				t.Fatal(err)
			}
			in.Events = append(in.Events, e)
		}
	}
	return trace.Fold(in).For(trace.Viewer{Code: true})
}

func TestBundleProvesThatACodeWasNeverIssued(t *testing.T) {
	w := newWorld(t)
	for index := range uint32(8) {
		b := build(t, w.absent(index))
		r, err := b.Verify(ledger.Hash{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != proof.StatusNeverIssued || r.Verdict != trace.NeverIssued || r.Compared {
			t.Errorf("code %s, verdict %s, compared %v", r.Code, r.Verdict, r.Compared)
		}
		if r.Trail.Custody != nil || len(r.Trail.Events) > 0 {
			t.Errorf("a code that does not exist has custody %v and %d events", r.Trail.Custody, len(r.Trail.Events))
		}
		if !strings.Contains(r.Limits[0], "not compared") {
			t.Errorf("the first limit is %q", r.Limits[0])
		}
	}
}

func TestBuildRefusesWhatItCannotProve(t *testing.T) {
	w := newWorld(t)
	few := newWorld(t)
	for _, b := range []*ledgertest.Builder{few.brand, few.wh, few.dist} {
		few.finals[b.Number] = b.Cosign(b.Checkpoint(), "audit") // with the author, two of the three needed
	}
	early := newWorld(t)
	early.finals[early.brand.Number] = early.brand.At(early.brand.Size() - 1).Final()

	for _, c := range []struct {
		name string
		in   proof.Input
		edit func(*proof.Input)
		code ledger.Code
	}{
		{"an event of another item", w.input(sold), func(in *proof.Input) {
			in.Events = append(in.Events, w.at["sell other"])
		}, proof.CodeSubject},
		{"a place where nothing happened", w.input(sold), func(in *proof.Input) {
			in.Events = append(in.Events, w.at["office"])
		}, proof.CodeEvent},
		{"no run", w.input(sold), func(in *proof.Input) {
			in.Events = slices.DeleteFunc(in.Events, func(p trace.Position) bool { return p == w.at["run"] })
		}, proof.CodeCode},
		{"no product", w.input(sold), func(in *proof.Input) {
			in.Events = slices.DeleteFunc(in.Events, func(p trace.Position) bool { return p == w.at["product"] })
		}, proof.CodeAuthority},
		{"the proof of another code", w.input(sold), func(in *proof.Input) { in.Code = w.input(held).Code }, proof.CodeCode},
		{"the link of a product", w.input(sold), func(in *proof.Input) {
			in.URI = "https://q.lanzhi.example/01/" + wine.String()
		}, proof.CodeURI},
		{"no link", w.input(sold), func(in *proof.Input) { in.URI = "sold" }, proof.CodeURI},
		{"too few cosigners", few.input(sold), nil, ledger.CodeQuorum},
		{"an event that is not final", early.input(moving), nil, ledger.CodeQuorum},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.edit != nil {
				c.edit(&c.in)
			}
			_, err := proof.Build(c.in)
			if got := ledger.CodeOf(err); got != c.code {
				t.Errorf("code %q, want %q: %v", got, c.code, err)
			}
		})
	}
}

func TestBundleOfTwoSubjectsOfOneRecord(t *testing.T) {
	w := newWorld(t)
	// One record packs the case into a pallet and the pallet into another.
	w.note("nest", w.brand, ledger.KindPack, subjects(
		trace.Contents(trace.Unit(pallets[0]), boxes(40, 41)),
		trace.Contents(trace.Unit(pallets[1]), pallet(0)),
		trace.Contents(trace.Unit(pallets[2]), boxes(45, 46))))
	w.note("ship 1", w.brand, ledger.KindShip, subjects(pallet(1)),
		disclose(ledger.Item, 1, "sale"), disclose(ledger.Members, 2, "wh"))
	trails[241] = []string{"product", "run", "factory", "activate", "case", "nest", "ship 1"}
	defer delete(trails, 241)
	b := build(t, w.input(241))
	r, err := b.Verify(w.Network.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := kinds(r.Trail), "run activate pack pack ship"; got != want || r.Trail.Custody.State != trace.InTransit {
		t.Errorf("timeline %s, want %s; custody %v", got, want, r.Trail.Custody)
	}
	if bytes.Contains(decoded(t, b), w.leafSalt("nest", 2)) {
		t.Error("the bundle shows the leaf of a unit in which the item never was")
	}
	if len(b.Entries) != 10 { // charter, grant, seven records, one of them twice
		t.Errorf("%d entries", len(b.Entries))
	}
}

// A case code is a code like others: its own run, and what happened to it.
func TestBundleOfACase(t *testing.T) {
	w := newWorld(t)
	w.issue(t, code.Run{GTIN: cases.Uint64(), Number: runNumber, Count: runCount / perCase, Secret: code.Secret{8}})
	w.writeProduct(w.brand, w.brand.Number)
	w.writeRun(w.brand)
	w.note("fill", w.brand, ledger.KindPack, subjects(
		trace.Contents(trace.Code(cases, runNumber, 49), bottles(298, 298)),
		trace.Contents(trace.Code(cases, runNumber, 49), bottles(299, 299)),
		trace.Contents(trace.Code(cases, runNumber, 48), bottles(297, 297))))
	w.note("ship 49", w.brand, ledger.KindShip, subjects(boxes(49, 49)),
		disclose(ledger.Item, 1, "sale"), disclose(ledger.Members, 2, "wh"))
	trails[49] = []string{"product", "run", "factory", "case", "fill", "ship 49"}
	defer delete(trails, 49)
	b := build(t, w.input(49))
	r, err := b.Verify(w.Network.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := kinds(r.Trail), "run pack pack ship"; got != want || r.Trail.Custody.State != trace.InTransit {
		t.Errorf("timeline %s, want %s; custody %v", got, want, r.Trail.Custody)
	}
	all, shown := decoded(t, b), 0
	for leaf := range 3 {
		if bytes.Contains(all, w.leafSalt("fill", leaf)) {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("%d of the contents are shown", shown)
	}
}

// Operators and charters change: each record is held against the charter that
// was in force at its place, and each grant against that of its own.
func TestBundleAcrossCharters(t *testing.T) {
	w := emptyWorld(t)
	w.writeProduct(w.brand, w.brand.Number)
	w.writeRun(w.brand)
	next := ledgertest.OperatorKey("the admin who comes")
	w.Adopt(func(c *ledger.Charter) {
		c.Member("lanzhi").Admins = []ledger.Address{ledger.AddressOf(next)}
		c.Member("wh").Prefixes, c.Member("lanzhi").Prefixes = c.Member("lanzhi").Prefixes, nil
	})
	w.brand.Charter()
	w.writeGoods()
	b := build(t, w.input(sold))
	r, err := b.Verify(w.Network.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Charters) != 2 || r.Trail.Custody.State != trace.Sold {
		t.Errorf("%d charters, custody %v", len(b.Charters), r.Trail.Custody)
	}
	b.Charters = b.Charters[:1]
	if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != proof.CodeCharter {
		t.Errorf("without the second charter: %v", err)
	}
}

func TestRunOfAnotherMemberIsRefused(t *testing.T) {
	w := emptyWorld(t)
	w.writeProduct(w.wh, w.wh.Number)
	w.writeRun(w.wh)
	w.writeGoods()
	if _, err := proof.Build(w.input(held)); ledger.CodeOf(err) != proof.CodeAuthority {
		t.Errorf("%v", err)
	}
}

func TestRunOnAnotherChainIsRefused(t *testing.T) {
	w := emptyWorld(t)
	w.writeProduct(w.brand, 7)
	w.writeRun(w.brand)
	w.writeGoods()
	if _, err := proof.Build(w.input(held)); ledger.CodeOf(err) != proof.CodeAuthority {
		t.Errorf("%v", err)
	}
}

func TestBundleShowsNoIdleSignatures(t *testing.T) {
	w := newWorld(t)
	cp := *w.Final(1)
	line := w.Cosignature(&cp, "wh", ledgertest.Start+1)
	stranger := bytes.Replace(line, []byte("/wh "), []byte("/xy "), 1)
	cp.Note = slices.Concat(cp.Note, stranger, line) // a stranger's line, and a second one of wh
	w.finals[1] = &cp
	b := build(t, w.input(moving))
	if strings.Contains(b.Entries[0].Proof, "/xy ") || strings.Count(b.Entries[0].Proof, "/wh ") != 1 {
		t.Errorf("the checkpoint is shown with idle lines:\n%s", b.Entries[0].Proof)
	}
}

func TestGoldenBundle(t *testing.T) {
	w := newWorld(t)
	for name, in := range map[string]proof.Input{"sold": w.input(sold), "never-issued": w.absent(1)} {
		b := build(t, in)
		raw, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", append(raw, '\n'))
		f, err := os.Open(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		stored, err := proof.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := stored.Verify(w.Network.ID)
		if err != nil {
			t.Fatal(err)
		}
		r.Trail = nil // package trace pins its own form
		result, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".result.json", append(result, '\n'))
	}
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; the format is frozen, see the package comment", path)
	}
}
