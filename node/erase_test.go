package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

const consent = "person-7c1f52a9e0b64d1389aa53f1c2e7"

// filesWith are the files of the node that hold the text.
func (n *testNode) filesWith(t *testing.T, text string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(n.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func (n *testNode) upload(t *testing.T, text string) ledger.Hash {
	t.Helper()
	digest, err := n.AddDocument(context.Background(), strings.NewReader(text), store.Audience{Of: ledger.Members})
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestErase(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	ctx := context.Background()
	n.issue(t, toner, 10)
	activated := n.mustSubmit(t, activateDraft(0, 8))[0].ID
	void := trace.Draft{Kind: "void", Subjects: []trace.DraftSubject{codesOf(toner, 9, 9)}, Fields: fields{"reason": "misprint", "note": consent}}
	report, shared := n.upload(t, "report "+consent), n.upload(t, "shared "+consent)
	void.Documents = []ledger.Hash{report, shared}
	inspection := trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{{GTIN: toner}}, Fields: fields{"type": "quality", "result": "pass"}, Documents: []ledger.Hash{shared}}
	placed := n.mustSubmit(t, void, inspection)
	record := placed[0].ID

	all, err := n.Erase(ctx, Erase{Record: record, Ground: "consent-withdrawn"})
	if err != nil || !all.DryRun || len(all.Fields) != 3 || len(all.Files) != 2 || all.Erasure != nil {
		t.Fatalf("what there is: %+v, %v", all, err)
	}
	for _, tt := range []struct {
		name string
		e    Erase
		code string
	}{
		{"what the trail reads", Erase{Record: activated, Fields: []string{"lot"}}, "not-erasable"},
		{"what it has not", Erase{Record: activated, Fields: []string{"line"}}, "not-erasable"},
		{"no field of the kind", Erase{Record: record, Fields: []string{"price"}}, "unknown-disclosure"},
		{"an unknown record", Erase{Record: ledger.Hash{1}, Fields: []string{"lot"}}, "unknown-record"},
		{"an unknown file", Erase{Record: record, Files: []ledger.Hash{{1}}}, "unknown-disclosure"},
		{"no ground", Erase{Record: record, Fields: []string{"note"}}, "bad-field"},
	} {
		_, err := n.Erase(ctx, tt.e)
		wantCode(t, err, tt.code)
	}
	if len(n.filesWith(t, consent)) == 0 {
		t.Fatal("the test proves nothing: no file has the text")
	}

	e := Erase{Record: record, Fields: []string{"note"}, Files: []ledger.Hash{report, shared}, Ground: "consent-withdrawn", Note: "letter of 3 March"}
	e.DryRun = true
	if dry, err := n.Erase(ctx, e); err != nil || !dry.DryRun || len(dry.Fields) != 1 || len(dry.Files) != 2 {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	e.DryRun = false
	done, err := n.Erase(ctx, e)
	if err != nil || done.Erasure == nil || !done.Erasure.Gone {
		t.Fatalf("erased: %+v, %v", done, err)
	}
	if got := n.filesWith(t, consent); len(got) != 1 || filepath.Base(got[0]) != shared.String() {
		t.Errorf("still in %v", got)
	}
	if _, _, err := n.Document(report, trace.Viewer{Member: "brand"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the report is still given: %v", err)
	}
	_, err = n.Erase(ctx, e)
	wantCode(t, err, "already-erased")

	// The trail shows what is gone, to those who could have seen it.
	ev, err := n.event(trace.Position{Chain: n.chain, Seq: placed[0].Seq})
	if err != nil || len(ev.Erased) != 1 || ev.Erased[0].Ground != "consent-withdrawn" || len(ev.Erased[0].Fields) != 2 {
		t.Fatalf("event %+v, %v", ev, err)
	}
	if _, ok := ev.Fields["note"]; ok || ev.Fields.Text("reason") != "misprint" {
		t.Errorf("fields %v", ev.Fields)
	}
	if len(ev.Attachments()) != 0 {
		t.Errorf("files %v", ev.Attachments())
	}

	// The last record that names the shared file erases it too.
	done, err = n.Erase(ctx, Erase{Record: placed[1].ID, Files: []ledger.Hash{shared}, Ground: "purpose-ended"})
	if err != nil || done.Files[0].Stays {
		t.Fatalf("erased: %+v, %v", done, err)
	}
	if got := n.filesWith(t, consent); len(got) > 0 {
		t.Errorf("still in %v", got)
	}
	n.reopen(t)
	if got := n.filesWith(t, consent); len(got) > 0 {
		t.Errorf("after reopening in %v", got)
	}
	_, err = n.Erase(ctx, Erase{Record: placed[1].ID, Files: []ledger.Hash{shared}, Ground: "purpose-ended"})
	wantCode(t, err, "already-erased")
}

// TestErasePersonOfAGrant forgets who an operator is, and keeps its rights.
func TestErasePersonOfAGrant(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)[0]
	ctx := context.Background()
	if _, _, err := n.AddOperator(ctx, AddOperator{Name: "clerk", Kinds: everyKind(), Person: consent, AdminPassphrase: adminPhrase}); err != nil {
		t.Fatal(err)
	}
	raw, err := n.store.Entry(n.chain, 1)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ledger.ReadEntry(raw)
	if err != nil {
		t.Fatal(err)
	}
	done, err := n.Erase(ctx, Erase{Record: o.Record.ID, Fields: []string{"person"}, Ground: "purpose-ended"})
	if err != nil || !done.Erasure.Gone {
		t.Fatalf("erased: %+v, %v", done, err)
	}
	if got := n.filesWith(t, consent); len(got) > 0 {
		t.Errorf("still in %v", got)
	}
	n.reopen(t)
	n.mustSubmit(t, productDraft(toner))
}

// TestErasedFileIsNamedAgain has a member name the file of another, and erase it
// where the record of the other has not arrived yet: that fetches it all the same.
func TestErasedFileIsNamedAgain(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	text := "report " + consent
	file := ledger.Hash(sha256.Sum256([]byte(text)))
	if err := n.blobs.Erase(file); err != nil {
		t.Fatal(err)
	}
	e := &trace.Event{Kind: ledger.KindInspect, Fields: trace.Values{"documents": []ledger.Hash{file}}}
	if named := e.Attachments(); len(named) != 1 {
		t.Fatalf("the test proves nothing: the event names %v", named)
	}
	if err := n.wantAttachments(e); err != nil {
		t.Fatal(err)
	}
	if err := n.blobs.PutDigest(context.Background(), file, strings.NewReader(text), store.Audience{Of: ledger.Members}); err != nil {
		t.Errorf("the file is refused: %v", err)
	}
}

// TestForgetAfterACrash opens a node that was killed between the erase record and
// the removal of what it names.
func TestForgetAfterACrash(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	file := n.upload(t, "report "+consent)
	placed := n.mustSubmit(t, trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{{GTIN: toner}}, Fields: fields{"type": "quality", "result": "pass"}, Documents: []ledger.Hash{file}})
	n.mustSubmit(t, trace.Draft{Kind: "erase", Fields: fields{"record": placed[0].ID, "files": []ledger.Hash{file}, "ground": "court-order"}})
	n.reopen(t)
	if !n.blobs.Has(file) {
		t.Fatal("the test proves nothing: the file has gone already")
	}
	todo, err := n.store.FilesToErase()
	if err != nil || len(todo) != 1 {
		t.Fatalf("to do: %v, %v", todo, err)
	}
	if err := n.forget(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := n.filesWith(t, consent); len(got) > 0 {
		t.Errorf("still in %v", got)
	}
	if list, err := n.store.FilesToErase(); err != nil || len(list) > 0 {
		t.Errorf("left to do: %v, %v", list, err)
	}
	// What is gone makes nobody read all chains again.
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, again := range []uint64{todo[0].At, todo[0].At + 1} {
		todo[0].At = again
		if err := n.forgetFiles(ended, todo[0]); err != nil {
			t.Errorf("chains are read: %v", err)
		}
	}
}
