package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
)

func TestRecordsNameStoredFilesOnly(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	report := []byte("report")
	d := trace.Draft{Kind: "inspect", Subjects: []trace.DraftSubject{{GTIN: toner}},
		Fields: fields{"type": "quality", "result": "pass", "document": ledger.Hash(sha256.Sum256(report))}}
	wantCode(t, n.submit(t, d)[0].Err, string(ledger.CodeMissingAttach))
	digest, err := n.AddDocument(context.Background(), bytes.NewReader(report), store.Audience{Of: ledger.Public})
	if err != nil || digest != d.Fields["document"] {
		t.Fatalf("stored as %s: %v", digest, err)
	}
	n.mustSubmit(t, d)
}

func TestDocumentsAreForTheirAudience(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	for audience, visible := range map[string]string{ // to the public, another member, the author
		"public": "yes yes yes", "members": "no yes yes", "parties dist": "no yes yes", "parties wh": "no no yes", "own": "no no yes",
	} {
		a, err := store.ParseAudience(audience)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := n.AddDocument(context.Background(), strings.NewReader(audience), a)
		if err != nil {
			t.Fatal(err)
		}
		for i, member := range []string{"", "dist", "brand"} {
			f, size, err := n.Document(digest, trace.Viewer{Member: member})
			if strings.Fields(visible)[i] == "no" {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%q is shown to %q: %v", audience, member, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q is not shown to %q: %v", audience, member, err)
				continue
			}
			got, err := io.ReadAll(f)
			if f.Close(); err != nil || string(got) != audience || size != int64(len(audience)) {
				t.Errorf("%q reads as %q with size %d: %v", audience, got, size, err)
			}
		}
	}
}

// A node wants the files that others' records name, and does not forget it.
func TestWantedFilesSurviveARestart(t *testing.T) {
	t.Parallel()
	nodes := newNetwork(t, 2)
	brand, dist := nodes[0], nodes[1]
	brand.addOperator(t)
	brand.mustSubmit(t, productDraft(toner))
	run := brand.issue(t, toner, 10)
	move(t, brand, dist, brand.chain)
	for range 2 {
		list := dist.wanted.all()
		if len(list) != 1 || list[0].Digest != run.Pack || list[0].Chain != brand.chain || list[0].Audience.Of != ledger.Members {
			t.Fatalf("wanted is %+v, want the pack %s", list, run.Pack)
		}
		dist.reopen(t)
	}
	if len(brand.wanted.all()) != 0 {
		t.Error("the author wants its own pack")
	}
	// A note that a crash has cut off is made again with the index.
	if err := os.WriteFile(filepath.Join(dist.dir, dirIndex, dirWanted, run.Pack.String()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dist.reopen(t)
	if err := dist.index.Drop(); err != nil {
		t.Fatal(err)
	}
	if err := dist.indexAll(); err != nil {
		t.Fatal(err)
	}
	if len(dist.wanted.all()) != 1 {
		t.Error("the pack is not wanted again after the index was rebuilt")
	}
	if err := dist.wanted.done(run.Pack); err != nil {
		t.Fatal(err)
	}
	dist.reopen(t)
	if list := dist.wanted.all(); len(list) != 0 {
		t.Errorf("still wanted: %+v", list)
	}
}
