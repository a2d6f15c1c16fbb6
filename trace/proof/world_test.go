package proof_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/proof"
)

const (
	runNumber = 1
	runCount  = 300
	perCase   = 6
)

var (
	wine    = must(gs1.ParseGTIN("06901234567892"))
	cases   = must(gs1.ParseGTIN("16901234567899"))
	pallets = []gs1.SSCC{
		must(gs1.ParseSSCC("069012340000000016")),
		must(gs1.ParseSSCC("069012340000000023")),
		must(gs1.ParseSSCC("069012340000000030")),
	}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A world is a brand, a warehouse and a distributor whose chains tell of 300
// bottles in 50 cases, of which 30 went on three pallets.
type world struct {
	*ledgertest.Net
	brand, wh, dist *ledgertest.Builder
	run             code.Run
	prover          *code.Prover
	finals          map[uint32]*ledger.Checkpoint

	// Positions by what they tell, and the events of an item's trail.
	at map[string]trace.Position
}

// sold is item 3: case 0, pallet 0, delivered, unpacked and sold.
// held is item 100: case 16, pallet 1, which came to the warehouse.
// moving is item 200: case 33, pallet 2, of which no receipt exists.
const (
	sold   = 3
	held   = 100
	moving = 200
)

var trails = map[uint32][]string{
	sold: {"product", "run", "factory", "store", "activate", "case", "load 0", "ship 0", "receive", "unload",
		"ship case", "receive case", "unpack", "sell"},
	held:   {"product", "run", "factory", "activate", "case", "load 1", "ship 0", "receive"},
	moving: {"product", "run", "factory", "activate", "case", "load 2", "ship 2"},
}

type opt = ledgertest.RecordOption

// subjects are the leaves of a record.
func subjects(list ...trace.Subject) opt {
	var raw []any
	for _, s := range list {
		raw = append(raw, cbor.RawMessage(must(trace.EncodeSubject(s))))
	}
	return ledgertest.Subjects(raw...)
}

func disclose(a ledger.Audience, path uint64, v any) opt { return ledgertest.Disclose(a, path, v) }

func secretFor(path uint64, v any) opt {
	return ledgertest.DiscloseTo([]string{"audit", "lanzhi", "wh"}, path, v)
}

func bottles(from, to uint32) trace.Subject {
	return trace.OfRange(trace.Range{GTIN: wine, Run: runNumber, From: from, To: to})
}

func boxes(from, to uint32) trace.Subject {
	return trace.OfRange(trace.Range{GTIN: cases, Run: runNumber, From: from, To: to})
}

func pallet(i int) trace.Subject { return trace.Of(trace.Unit(pallets[i])) }

// note writes a record and remembers where it stands.
func (w *world) note(name string, b *ledgertest.Builder, kind ledger.Kind, opts ...opt) {
	b.Record(kind, opts...)
	w.at[name] = trace.Position{Chain: b.Number, Seq: b.Size() - 1}
}

func emptyWorld(t testing.TB, opts ...ledgertest.Option) *world {
	t.Helper()
	w := &world{Net: ledgertest.New(opts...), at: make(map[string]trace.Position), finals: make(map[uint32]*ledger.Checkpoint)}
	w.brand, w.wh, w.dist = w.NewChain("lanzhi"), w.NewChain("wh"), w.NewChain("dist")
	w.issue(t, code.Run{GTIN: wine.Uint64(), Number: runNumber, Count: runCount, Secret: code.Secret{7}})
	return w
}

// issue makes the pack of the run that the world is about from here on.
func (w *world) issue(t testing.TB, run code.Run) {
	t.Helper()
	w.run = run
	dir := t.TempDir()
	issued, err := code.Issue(context.Background(), w.run, code.Job{Dir: dir, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	prover, err := code.OpenProver(context.Background(), issued.Path, filepath.Join(dir, "blocks"), issued.Root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prover.Close() })
	w.prover = prover
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := emptyWorld(t)
	w.writeProduct(w.brand, w.brand.Number)
	w.writeRun(w.brand)
	w.writeGoods()
	return w
}

func (w *world) writeProduct(b *ledgertest.Builder, issuing uint32) {
	w.note("product", b, ledger.KindProduct,
		ledgertest.Fields(map[uint64]any{1: w.run.GTIN, 2: 1, 6: issuing}),
		disclose(ledger.Public, 7, trace.Names{Zh: "兰芷干红", En: "Lanzhi red"}),
		disclose(ledger.Public, 9, "750 mL"),
		disclose(ledger.Members, 13, 20), disclose(ledger.Own, 15, "sku of the author"))
}

func (w *world) writeRun(b *ledgertest.Builder, extra ...opt) {
	root, digest := w.root(), ledger.Hash{0xd1}
	w.note("run", b, ledger.KindRun, append([]opt{
		ledgertest.Fields(map[uint64]any{1: w.run.GTIN, 2: w.run.Number, 3: digest, 4: root}),
		disclose(ledger.Item, 6, w.run.Count), secretFor(7, "the printer's name"),
	}, extra...)...)
}

// root is the root of the pack.
func (w *world) root() ledger.Hash {
	blocks, err := w.prover.Pack().Check(context.Background(), [32]byte{}, 0)
	var bad *code.BadPackError
	if errors.As(err, &bad) { // the root is not zero, and the error says what it is
		var got []byte
		if _, err := fmt.Sscanf(bad.Problems[0].Detail, "root is %x,", &got); err != nil {
			panic(err)
		}
		return ledger.Hash(got)
	}
	return ledger.Hash(blocks.Root())
}

func (w *world) writeGoods() {
	place := func(name string, b *ledgertest.Builder, id, kind, region string) {
		w.note(name, b, ledger.KindPlace, ledgertest.Fields(map[uint64]any{1: id, 2: kind, 3: "CN", 4: region}),
			disclose(ledger.Members, 5, trace.Names{Zh: "内部名称", En: "inside name"}), secretFor(7, "a street and a number"))
	}
	place("factory", w.brand, "plant-1", "factory", "640100")
	place("store", w.dist, "store-9", "store", "310000")
	place("office", w.dist, "office-2", "office", "310000")

	at := ledgertest.Place("plant-1")
	w.note("activate", w.brand, ledger.KindActivate, at, subjects(bottles(0, 149), bottles(150, 299)),
		disclose(ledger.Item, 1, "L2026-03"), disclose(ledger.Item, 2, "2026-02-27"), disclose(ledger.Members, 4, "line-seven"))
	w.note("case", w.brand, ledger.KindPack, at, subjects(trace.Subject{Kind: trace.SubjectPattern, Pattern: &trace.Pattern{
		GTIN: wine, Run: runNumber, Per: perCase, UnitGTIN: cases, UnitRun: runNumber, Units: runCount / perCase}}))
	for i := range pallets {
		from := uint32([]int{0, 10, 30}[i])
		w.note(fmt.Sprint("load ", i), w.brand, ledger.KindPack, at,
			subjects(trace.Contents(trace.Unit(pallets[i]), boxes(from, from+4)), trace.Contents(trace.Unit(pallets[i]), boxes(from+5, from+9))))
	}
	w.note("ship 0", w.brand, ledger.KindShip, at, subjects(pallet(0), pallet(1)),
		disclose(ledger.Item, 1, "sale"), disclose(ledger.Members, 2, "wh"), secretFor(8, "waybill 4711"))

	w.wh.Wait(w.brand.Now() - w.wh.Now() + 3_600_000)
	w.wh.See(w.brand)
	w.note("receive", w.wh, ledger.KindReceive, subjects(pallet(0), pallet(1)), disclose(ledger.Members, 1, "lanzhi"))
	w.note("unload", w.wh, ledger.KindUnpack, subjects(pallet(0)))
	w.note("ship case", w.wh, ledger.KindShip, subjects(boxes(0, 0), boxes(7, 7)),
		disclose(ledger.Item, 1, "sale"), disclose(ledger.Members, 2, "dist"), secretFor(8, "waybill 4712"))

	w.dist.Wait(w.wh.Now() - w.dist.Now() + 3_600_000)
	w.dist.See(w.wh)
	w.note("receive case", w.dist, ledger.KindReceive, subjects(boxes(0, 0), boxes(7, 7)), disclose(ledger.Members, 1, "wh"))
	w.note("unpack", w.dist, ledger.KindUnpack, subjects(boxes(0, 0)))
	w.note("sell", w.dist, ledger.KindSell, ledgertest.Place("store-9"), subjects(bottles(sold, sold), bottles(5, 5)),
		disclose(ledger.Item, 1, "store"), disclose(ledger.Own, 3, "order of a buyer"))
	w.note("sell other", w.dist, ledger.KindSell, ledgertest.Place("store-9"), subjects(bottles(1, 1)),
		disclose(ledger.Item, 1, "store"))

	w.note("ship 2", w.brand, ledger.KindShip, at, subjects(pallet(2)),
		disclose(ledger.Item, 1, "sale"), disclose(ledger.Members, 2, "dist"))
}

func (w *world) builder(chain uint32) *ledgertest.Builder {
	for _, b := range []*ledgertest.Builder{w.brand, w.wh, w.dist} {
		if b.Number == chain {
			return b
		}
	}
	panic(fmt.Sprint("no chain ", chain))
}

// The world's chains as Finals and Warrants.

func (w *world) Final(chain uint32) *ledger.Checkpoint {
	if w.finals[chain] == nil {
		w.finals[chain] = w.builder(chain).Final()
	}
	return w.finals[chain]
}

func (w *world) TileSource(chain uint32) ledger.TileSource { return w.builder(chain).TileSource() }

func (w *world) Entry(chain uint32, seq uint64) ([]byte, error) {
	return w.builder(chain).Entries[seq], nil
}

func (w *world) Sidecar(chain uint32, seq uint64) ([]byte, error) {
	return w.builder(chain).Sidecars[seq], nil
}

func (w *world) CharterEntry(chain uint32, seq uint64) (uint64, bool, error) {
	for i := int(seq) - 1; i >= 0; i-- {
		if o, _ := w.builder(chain).Opened(uint64(i)); o.Charter != nil {
			return uint64(i), true, nil
		}
	}
	return 0, false, nil
}

func (w *world) GrantEntry(chain uint32, signer ledger.Address, kind ledger.Kind, seq uint64) (uint64, bool, error) {
	for i := int(seq) - 1; i >= 0; i-- {
		o, _ := w.builder(chain).Opened(uint64(i))
		if o.Record == nil || o.Record.Record.Kind != ledger.KindGrant {
			continue
		}
		var f ledger.GrantFields
		if err := ledger.Unmarshal(o.Record.Record.Fields, &f); err != nil {
			return 0, false, err
		}
		if f.Address == signer && slices.Contains(f.Kinds, kind) {
			return uint64(i), true, nil
		}
	}
	return 0, false, nil
}

func (w *world) uri(index uint32) string {
	return fmt.Sprintf("HTTPS://Q.LANZHI.EXAMPLE/01/%014d/21/%s", w.run.GTIN, w.run.Serial(index))
}

func (w *world) positions(names ...string) []trace.Position {
	var list []trace.Position
	for _, n := range names {
		pos, ok := w.at[n]
		if !ok {
			panic("no event " + n)
		}
		list = append(list, pos)
	}
	return list
}

// input describes the bundle of an issued item.
func (w *world) input(index uint32) proof.Input {
	hash := code.HashOf(w.run.GTIN, w.run.Serial(index).String())
	return proof.Input{
		URI: w.uri(index), Network: w.Network,
		Code: proof.Issued(must(w.prover.ProveInclusion(hash))), Item: trace.Code(must(gs1.GTINFromUint64(w.run.GTIN)), runNumber, index),
		Events: w.positions(trails[index]...), Finals: w, Warrants: w,
	}
}

// absent describes the bundle of a code that was never issued: one that a
// forger made up with the right check character.
func (w *world) absent(index uint32) proof.Input {
	forged := w.run
	forged.Secret = code.Secret{99}
	serial := forged.Serial(index)
	hash := code.HashOf(w.run.GTIN, serial.String())
	return proof.Input{
		URI: fmt.Sprintf("https://q.lanzhi.example/01/%s/21/%s", wine, serial), Network: w.Network,
		Code:   proof.NeverIssued(must(w.prover.ProveAbsence(hash))),
		Events: w.positions("product", "run"), Finals: w, Warrants: w,
	}
}

func build(t testing.TB, in proof.Input) *proof.Bundle {
	t.Helper()
	b, err := proof.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
