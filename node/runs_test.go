package node

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/label"
)

var long = flag.Bool("long", false, "run the tests that take minutes: ten million codes")

func TestIssueRunRefuses(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	for _, count := range []uint32{0, code.MaxRunCodes + 1} {
		_, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: count}, nil)
		wantCode(t, err, "bad-count")
	}
	_, err := n.IssueRun(context.Background(), IssueRun{GTIN: foreign, Count: 1}, nil)
	wantCode(t, err, "not-authority")
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.IssueRun(stopped, IssueRun{GTIN: toner, Count: 1}, nil); err == nil {
		t.Error("a run was issued for somebody who had gone away")
	}
	if left, err := filepath.Glob(filepath.Join(n.dir, "issue-*")); err != nil || len(left) > 0 {
		t.Errorf("scratch directories are left: %v, %v", left, err)
	}
}

func TestRunsAreNumberedByProduct(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	for want := range uint16(3) {
		if run := n.issue(t, toner, 10); run.Number != want {
			t.Errorf("run %d, want %d", run.Number, want)
		}
	}
	if run := n.issue(t, carton, 10); run.Number != 0 {
		t.Errorf("the first run of the case has the number %d", run.Number)
	}
	if a, b := n.serial(t, toner, 0, 5), n.serial(t, toner, 1, 5); a == b || a[:3] != "000" || b[:3] != "001" {
		t.Errorf("serials %s and %s do not tell their runs", a, b)
	}
}

func TestCodesRefuses(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	for _, c := range []struct {
		run      uint16
		from, to uint32
		code     string
	}{{1, 0, 1, "unknown-run"}, {0, 0, 11, "bad-range"}, {0, 5, 4, "bad-range"}} {
		_, _, err := n.Codes(toner, c.run, c.from, c.to)
		wantCode(t, err, c.code)
	}
	if _, _, err := n.Codes(toner, 0, 10, 10); err != nil {
		t.Errorf("no codes at all: %v", err)
	}
}

// A crash between the secret and the record leaves a run that nobody has seen:
// its codes are not given out, and its number is used again.
func TestRunWithoutRecordIsMadeAgain(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	orphan, err := json.Marshal(runSecret{Count: 10, Secret: make([]byte, len(code.Secret{})), Pack: ledger.Hash{1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.keys.Seal(secretName(toner, 0), orphan); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	_, _, err = n.Codes(toner, 0, 0, 10)
	wantCode(t, err, "run-not-stored")
	if run := n.issue(t, toner, 20); run.Number != 0 {
		t.Errorf("the run got the number %d, not that of the one without record", run.Number)
	}
	if s := n.serial(t, toner, 0, 19); !issued(t, n, s) {
		t.Errorf("serial %s is not in its pack", s)
	}
}

// A run that is stopped goes on where it was, also after a crash, and gives the
// codes that it would have given; another count begins anew.
func TestStoppedRunGoesOn(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	const count = 300_000
	stop := func(after uint64) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := n.IssueRun(ctx, IssueRun{GTIN: toner, Count: count}, func(done, _ uint64) {
			if done > after {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped: %v", err)
		}
	}
	secret := func() string {
		t.Helper()
		s, err := n.openRun(toner, 0)
		if err != nil {
			t.Fatal(err)
		}
		return string(s.Secret)
	}
	stop(count + count/2) // all codes are made, the pack is not
	first := secret()
	_, _, err := n.Codes(toner, 0, 0, 1)
	wantCode(t, err, "run-not-stored")
	n.reopen(t)
	stop(count + count/4)
	began := uint64(0)
	run, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: count}, func(done, _ uint64) {
		if began == 0 {
			began = done
		}
	})
	if err != nil || run.Number != 0 || secret() != first {
		t.Fatalf("gone on with: %+v with another secret (%t), %v", run, secret() != first, err)
	}
	if began < 10_000 {
		t.Errorf("began at %d", began)
	}
	if s := n.serial(t, toner, 0, count-1); !issued(t, n, s) {
		t.Errorf("serial %s is not in its pack", s)
	}
	left, err := filepath.Glob(filepath.Join(n.dir, "issue-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A record that is refused leaves a secret too; codes are not given out.
func TestRefusedRunGivesNoCodes(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	n.addOperator(t)
	_, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: 10}, nil)
	wantCode(t, err, "unknown-product")
	_, _, err = n.Codes(toner, 0, 0, 10)
	wantCode(t, err, "run-not-stored")
	n.mustSubmit(t, productDraft(toner))
	if run := n.issue(t, toner, 10); run.Number != 0 {
		t.Errorf("the run got the number %d", run.Number)
	}
}

func TestDamagedSecretIsAnError(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	if err := n.keys.Seal(secretName(toner, 0), []byte(`{"count":10,"secret":"AAAA"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.Codes(toner, 0, 0, 1); err == nil {
		t.Error("codes were made from a secret of three bytes")
	}
}

// What another member writes about our product makes no codes: only the charter's
// choice issues. Its number is passed over, so that our goods are free of the
// finding that two records contradict each other.
func TestRunsOfOthersDoNotCount(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	for _, n := range nodes {
		n.addOperator(t)
	}
	brand.mustSubmit(t, productDraft(toner))
	forged := trace.Draft{Kind: "run", Fields: fields{"gtin": toner, "run": 0, "pack": ledger.Hash{1}, "root": ledger.Hash{2}, "count": 10}}
	wantCode(t, dist.submit(t, forged)[0].Err, string(ledger.CodeMissingAttach))
	dist.appendUnadmitted(t, forged)
	move(t, dist, brand, dist.chain)
	if e, err := brand.runOf(toner, 0, nil); err != nil || e != nil {
		t.Fatalf("run 0 is that of %+v, %v", e, err)
	}
	run := brand.issue(t, toner, 10)
	if e, err := brand.runOf(toner, run.Number, nil); err != nil || e == nil || e.Member != "brand" || run.Number != 1 {
		t.Errorf("run %d is %+v, %v", run.Number, e, err)
	}
}

// appendUnadmitted appends a record as a node does that asks nobody.
func (n *testNode) appendUnadmitted(t testing.TB, d trace.Draft) {
	t.Helper()
	rec := n.signed(t, n.operators["clerk"], d)
	sub, err := openSigned(&rec)
	if err != nil {
		t.Fatal(err)
	}
	net := n.Network()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(store.Config{Dir: filepath.Join(n.dir, dirLedger), Guard: n.config.Guard, Network: net, Own: n.chain, Now: n.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(context.Background(), sub.Record, sub.Sidecar); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	n.open(t)
}

func issued(t testing.TB, n *testNode, serial string) bool {
	t.Helper()
	r, err := n.resolve(context.Background(), link(toner, serial), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Item.Kind != 0
}

// The ledger does not grow with the number of codes.
func TestRecordsOfManyCodesAreSmall(t *testing.T) {
	t.Parallel()
	sizes := func(count uint32) (run, pack int) {
		n := newBrand(t)
		r := n.issue(t, toner, count)
		n.issue(t, carton, count/24)
		p := n.mustSubmit(t, activateDraft(0, count-1), packDraft(count/24))
		return n.recordSize(t, r.Record), n.recordSize(t, p[1].ID)
	}
	run1, pack1 := sizes(2_400)
	run2, pack2 := sizes(240_000)
	if run2 > run1+8 || pack2 > pack1+8 {
		t.Errorf("with a hundred times the codes the records grow from %d and %d bytes to %d and %d", run1, pack1, run2, pack2)
	}
	if run2 > 2_000 || pack2 > 2_000 {
		t.Errorf("the records have %d and %d bytes", run2, pack2)
	}
}

// packDraft packs the toner into cases of 24 in one record.
func packDraft(cases uint32) trace.Draft {
	return trace.Draft{Kind: "pack", Subjects: []trace.DraftSubject{{Pattern: &trace.DraftPattern{GTIN: toner, Per: 24, UnitGTIN: carton, Count: cases}}}}
}

// recordSize is what a record adds to the ledger: its entry and sidecar.
func (n *testNode) recordSize(t testing.TB, id ledger.Hash) int {
	t.Helper()
	p, ok, err := n.Find(id)
	if err != nil || !ok {
		t.Fatalf("record %s: %v, %v", id, ok, err)
	}
	entry, err := n.store.Entry(p.Chain, p.Seq)
	if err != nil {
		t.Fatal(err)
	}
	side, err := n.store.Sidecar(p.Chain, p.Seq)
	if err != nil {
		t.Fatal(err)
	}
	return len(entry) + len(side)
}

// Ten million codes, from the secret to the file for the printer, in the memory
// that ten thousand need.
func TestTenMillionCodes(t *testing.T) {
	if !*long {
		t.Skip("ten million codes take a minute: run with -long")
	}
	n := newBrand(t)
	n.issue(t, carton, code.MaxRunCodes/24)
	runtime.GC()
	before := heap()
	peak := before
	begin := time.Now()
	run, err := n.IssueRun(context.Background(), IssueRun{GTIN: toner, Count: code.MaxRunCodes}, func(uint64, uint64) { peak = max(peak, heap()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("issued in %v, heap %d MiB over the %d before", time.Since(begin), (peak-before)>>20, before>>20)
	begin = time.Now()
	f, err := os.Create(filepath.Join(t.TempDir(), "codes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	serials, uri, err := n.Codes(toner, run.Number, 0, run.Count)
	if err != nil {
		t.Fatal(err)
	}
	w := label.NewCSV(f, false, false)
	for i, serial := range serials {
		if err := w.Write(label.Row{Serial: serial, URI: uri(serial), Index: i}); err != nil {
			t.Fatal(err)
		}
		if i%100_000 == 0 {
			peak = max(peak, heap())
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("written in %v", time.Since(begin))
	const allowed = 150 << 20
	if peak-before > allowed {
		t.Errorf("the heap grew by %d MiB", (peak-before)>>20)
	}
	p := n.mustSubmit(t, activateDraft(0, run.Count-1), packDraft(run.Count/24))
	for _, id := range []ledger.Hash{run.Record, p[1].ID} {
		if size := n.recordSize(t, id); size > 2_000 {
			t.Errorf("record %s has %d bytes", id, size)
		}
	}
	for _, index := range slices.Sorted(slices.Values([]uint32{0, 4_999_999, 9_999_999})) {
		if s := n.serial(t, toner, run.Number, index); !issued(t, n, s) {
			t.Errorf("serial %s of code %d is not in the pack", s, index)
		}
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
