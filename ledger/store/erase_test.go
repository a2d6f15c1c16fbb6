package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

// secret is text that no compression shortens.
func secret(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// erasing makes the record that erases the disclosures of rec with the given
// paths.
func erasing(t testing.TB, net *ledgertest.Net, rec *ledger.SignedRecord, sc *ledger.Sidecar, files []ledger.Hash, paths ...uint64) (*ledger.SignedRecord, *ledger.Sidecar) {
	t.Helper()
	f := ledger.EraseFields{Record: rec.ID, Files: files}
	for _, raw := range sc.Disclosures {
		d, err := ledger.DecodeDisclosure(raw)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(paths, d.Path) {
			f.Digests = append(f.Digests, ledger.DisclosureDigest(raw))
		}
	}
	return net.Record(rec.Record.Member, ledger.KindErase, ledgertest.Start, ledgertest.Fields(f), ledgertest.Disclose(ledger.Members, 2, "consent-withdrawn"))
}

// paths are those of the disclosures in a stored sidecar.
func paths(t testing.TB, n *node, chain uint32, seq uint64) []uint64 {
	t.Helper()
	raw, err := n.Sidecar(chain, seq)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		t.Fatal(err)
	}
	var list []uint64
	for _, raw := range sc.Disclosures {
		d, err := ledger.DecodeDisclosure(raw)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d.Path)
	}
	slices.Sort(list)
	return list
}

func wantPaths(t testing.TB, n *node, chain uint32, seq uint64, want ...uint64) {
	t.Helper()
	if got := paths(t, n, chain, seq); !slices.Equal(got, want) {
		t.Errorf("disclosures of %d/%d on the node of %s: %v, want %v", chain, seq, n.member.Slug, got, want)
	}
}

// holders are the files under a directory with the text in them.
func holders(t testing.TB, dir, text string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func purge(t testing.TB, n *node, want int) {
	t.Helper()
	done, err := n.Purge(context.Background())
	if err != nil || done != want {
		t.Errorf("purge on the node of %s: %d, want %d: %v", n.member.Slug, done, want, err)
	}
}

// full is a record with a disclosure of each audience.
func full(n *node) (*ledger.SignedRecord, *ledger.Sidecar) {
	return n.record(
		ledgertest.Disclose(ledger.Public, 1, "open"),
		ledgertest.Disclose(ledger.Members, 5, secret("members")),
		ledgertest.Disclose(ledger.Own, 9, secret("own")),
		ledgertest.Subjects(1, 2),
	)
}

// TestErasedBytesLeaveTheDisk erases with the old bytes in each of the places
// where Badger keeps them, and looks for them in all files.
func TestErasedBytesLeaveTheDisk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, n *node) // between the record and its erasure
		after  func(t *testing.T, n *node) // between that and Purge
	}{
		{"in the write buffer", nil, nil},
		{"in a table", reopens, nil},
		{"both in tables", reopens, reopens},
		{"at the lowest level", func(t *testing.T, n *node) {
			for range 3 {
				n.grow(t, 50)
				n.reopen(t)
			}
			if err := n.Flatten(); err != nil {
				t.Fatal(err)
			}
			n.grow(t, 1)
		}, reopens},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
			rec, sc := full(n)
			at := mustAppend(t, n, rec, sc)
			if tt.before != nil {
				tt.before(t, n)
			}
			erase, esc := erasing(t, n.net, rec, sc, nil, 5, 9)
			where := mustAppend(t, n, erase, esc)
			wantPaths(t, n, 1, at.Seq, 1)
			if tt.after != nil {
				tt.after(t, n)
				wantPaths(t, n, 1, at.Seq, 1)
			}
			for _, text := range []string{secret("members"), secret("own")} {
				if len(holders(t, n.cfg.Dir, text)) == 0 {
					t.Fatalf("the test proves nothing: %q is in no file before Purge", text)
				}
			}
			purge(t, n, 1)
			for _, text := range []string{secret("members"), secret("own")} {
				if names := holders(t, n.cfg.Dir, text); len(names) > 0 {
					t.Errorf("%q is still in %v", text, names)
				}
			}
			wantPaths(t, n, 1, at.Seq, 1)
			list, err := n.Erasures(1, at.Seq)
			if err != nil || len(list) != 1 || list[0].At != where.Seq || len(list[0].Fields.Digests) != 2 {
				t.Errorf("erasures %+v, %v", list, err)
			}
			purge(t, n, 0)
			n.reopen(t)
			wantPaths(t, n, 1, at.Seq, 1)
			checkClean(t, n)
			n.grow(t, 3)
			n.sign(t)
		})
	}
}

func reopens(t *testing.T, n *node) { n.grow(t, 5); n.reopen(t) }

// TestEraseEverything leaves a record without a sidecar.
func TestEraseEverything(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	rec, sc := n.record(ledgertest.Disclose(ledger.Members, 5, secret("all")))
	at := mustAppend(t, n, rec, sc)
	n.reopen(t)
	erase, esc := erasing(t, n.net, rec, sc, nil, 5)
	mustAppend(t, n, erase, esc)
	wantPaths(t, n, 1, at.Seq)
	purge(t, n, 1)
	wantPaths(t, n, 1, at.Seq)
	if names := holders(t, n.cfg.Dir, secret("all")); len(names) > 0 {
		t.Errorf("still in %v", names)
	}
	checkClean(t, n)
}

// TestEraseInTheBatchOfTheRecord erases what is not stored yet.
func TestEraseInTheBatchOfTheRecord(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	rec, sc := full(n)
	erase, esc := erasing(t, n.net, rec, sc, nil, 5)
	for _, r := range n.AppendBatch(context.Background(), []store.Submission{{Record: rec, Sidecar: sc}, {Record: erase, Sidecar: esc}}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	wantPaths(t, n, 1, 2, 1, 9)
	purge(t, n, 1)
	wantPaths(t, n, 1, 2, 1, 9)
	checkClean(t, n)
}

// TestPurgeAfterACrash is killed when the sidecars have been dropped and not
// written back.
func TestPurgeAfterACrash(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	rec, sc := full(n)
	at := mustAppend(t, n, rec, sc)
	n.reopen(t)
	erase, esc := erasing(t, n.net, rec, sc, nil, 5)
	mustAppend(t, n, erase, esc)
	if err := n.DropOnly(); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, n, 1, at.Seq, 1, 9)
	n.reopen(t)
	wantPaths(t, n, 1, at.Seq, 1, 9)
	for it, err := range n.Entries(1, at.Seq, at.Seq+1) {
		if sc, bad := ledger.DecodeSidecar(it.Sidecar); err != nil || bad != nil || len(sc.Disclosures) != 2 {
			t.Errorf("item with %d bytes of sidecar: %v, %v", len(it.Sidecar), err, bad)
		}
	}
	checkClean(t, n)
	purge(t, n, 1)
	wantPaths(t, n, 1, at.Seq, 1, 9)
	checkClean(t, n)
}

func TestPurgeWaitsForReaders(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	rec, sc := full(n)
	mustAppend(t, n, rec, sc)
	erase, esc := erasing(t, n.net, rec, sc, nil, 5)
	mustAppend(t, n, erase, esc)
	src, err := n.Source(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Purge(context.Background()); !errors.Is(err, store.ErrBusy) {
		t.Errorf("while a source is open: %v", err)
	}
	if _, problems := verifySource(t, src); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	src.Close()
	src.Close()
	purge(t, n, 1)
}

// TestFollowersErase has one node that held the bytes, and two that fetch the
// chain later: from it, and from one that has not erased.
func TestFollowersErase(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	author := onDisk(t, net, "lanzhi").begin(t)
	rec, sc := full(author)
	seq := mustAppend(t, author, rec, sc).Seq
	author.grow(t, 10)
	before := author.sign(t)

	holder, slow := onDisk(t, net, "wh"), onDisk(t, net, "dist")
	for _, n := range []*node{holder, slow} {
		n.fetch(t, author, 1, before.Size) // with disclosures that are not theirs: the store does not mind
		wantPaths(t, n, 1, seq, 1, 5, 9)
	}
	was := author.Rewritten()
	erase, esc := erasing(t, net, rec, sc, nil, 5, 9)
	mustAppend(t, author, erase, esc)
	author.grow(t, 10)
	after := author.sign(t)
	if now := author.Rewritten(); now != was+1 {
		t.Errorf("after one erasure and other records: %d, before %d", now, was)
	}

	was = holder.Rewritten()
	holder.fetch(t, author, 1, after.Size)
	if now := holder.Rewritten(); now != was+1 {
		t.Errorf("after one erasure was fetched: %d, before %d", now, was)
	}
	wantPaths(t, holder, 1, seq, 1)
	purge(t, holder, 1)
	for _, text := range []string{secret("members"), secret("own")} {
		if names := holders(t, holder.cfg.Dir, text); len(names) > 0 {
			t.Errorf("%q is still in %v", text, names)
		}
	}
	checkClean(t, holder)

	// What is gone and not erased within the checkpoint is not cosigned.
	if _, err := holder.cosign(before); !errors.Is(err, store.ErrBehind) || ledger.CodeOf(err) != ledger.CodeMissing {
		t.Errorf("cosigning before the erasure: %v", err)
	}
	holder.mustCosign(t, after)
	slow.mustCosign(t, before)

	late := onDisk(t, net, "audit")
	late.fetch(t, holder, 1, before.Size)
	wantPaths(t, late, 1, seq, 1)
	lacking, err := late.Lacking(1, 10)
	if err != nil || len(lacking) != 1 || lacking[0].Seq != seq || len(lacking[0].Digests) != 1 {
		t.Errorf("lacking %+v, %v", lacking, err)
	}
	if whole, err := late.Whole(1); err != nil || whole != seq {
		t.Errorf("whole up to %d, want %d: %v", whole, seq, err)
	}
	if _, err := late.cosign(before); !errors.Is(err, store.ErrBehind) {
		t.Errorf("cosigning with a gap: %v", err)
	}
	if _, problems := late.verify(t); len(problems) != 1 || problems[0].Code != ledger.CodeMissing {
		t.Errorf("problems with a gap: %v", problems)
	}
	late.reopen(t)
	if whole, err := late.Whole(1); err != nil || whole != seq {
		t.Errorf("whole after reopening up to %d, want %d: %v", whole, seq, err)
	}

	// One that has it gives it.
	raw, err := slow.Sidecar(1, seq)
	if err != nil {
		t.Fatal(err)
	}
	given, err := ledger.DecodeSidecar(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := late.AddDisclosures(context.Background(), 1, seq, given); err != nil {
		t.Fatal(err)
	}
	if whole, err := late.Whole(1); err != nil || whole != before.Size {
		t.Errorf("whole up to %d, want %d: %v", whole, before.Size, err)
	}
	late.mustCosign(t, before)
	checkClean(t, late)

	// And then the erase record comes.
	late.fetch(t, holder, 1, after.Size)
	wantPaths(t, late, 1, seq, 1)
	if err := late.AddDisclosures(context.Background(), 1, seq, given); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, late, 1, seq, 1)
	late.mustCosign(t, after)
	purge(t, late, 1)
	checkClean(t, late)

	// From one that has erased, in one go.
	if err := slow.Close(); err != nil {
		t.Fatal(err)
	}
	slow.cfg.Dir = t.TempDir()
	slow.reopen(t)
	slow.fetch(t, late, 1, after.Size)
	if whole, err := slow.Whole(1); err != nil || whole != after.Size {
		t.Errorf("whole up to %d, want %d: %v", whole, after.Size, err)
	}
	slow.mustCosign(t, after)
	checkClean(t, slow)
	for it, err := range slow.Entries(1, 0, after.Size) {
		if err != nil || bytes.Contains(it.Sidecar, []byte(secret("members"))) {
			t.Errorf("served after the erasure: %q, %v", it.Sidecar, err)
		}
	}
}

// TestEraseRefusesToForget has what an erase record cannot take away.
func TestEraseRefusesToForget(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)

	// The limits of a grant, from which rights are folded; who it is may go.
	key := net.Member("dist").OperatorAddress()
	grant, gsc := net.GrantTo("lanzhi", key, nil,
		ledgertest.Disclose(ledger.Members, ledger.GrantParty, "store-1"), ledgertest.Disclose(ledger.Own, ledger.GrantPerson, secret("person")))
	at := mustAppend(t, n, grant, gsc)
	erase, esc := erasing(t, net, grant, gsc, nil, ledger.GrantParty, ledger.GrantPerson)
	mustAppend(t, n, erase, esc)
	wantPaths(t, n, 1, at.Seq, ledger.GrantParty)

	// A record of another chain, and one that is not there.
	wh := onDisk(t, net, "wh").begin(t)
	other, osc := full(wh)
	at = mustAppend(t, wh, other, osc)
	wh.fetch(t, n, 1, n.Size(1))
	n.fetch(t, wh, 2, wh.Size(2))
	for _, id := range []ledger.Hash{other.ID, {1, 2, 3}} {
		f := ledger.EraseFields{Record: id, Digests: other.Record.SDM}
		foreign, fsc := net.Record("lanzhi", ledger.KindErase, ledgertest.Start, ledgertest.Fields(f))
		mustAppend(t, n, foreign, fsc)
	}
	wantPaths(t, n, 2, at.Seq, 1, 5, 9)

	// A record about which no erasure stands lacks a grant's limit.
	fresh := onDisk(t, net, "audit")
	var items []store.Item
	for it, err := range n.Entries(1, 0, n.Size(1)) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	cut := slices.Clone(items)
	for i := range cut {
		if o, err := ledger.ReadEntry(cut[i].Entry); err == nil && o.Record != nil && o.Record.ID == grant.ID {
			cut[i].Sidecar = nil
		}
	}
	if _, err := fresh.Extend(context.Background(), 1, 0, cut); ledger.CodeOf(err) != ledger.CodeMissing {
		t.Errorf("a grant without its limit: %v", err)
	}
	if _, err := fresh.Extend(context.Background(), 1, fresh.Size(1), items[fresh.Size(1):]); err != nil {
		t.Errorf("the rest: %v", err)
	}
	for _, n := range []*node{n, wh, fresh} {
		checkClean(t, n)
	}
}

func TestEraseNamesFiles(t *testing.T) {
	t.Parallel()
	n := onDisk(t, ledgertest.New(), "lanzhi").begin(t)
	file := ledger.Hash(sha256.Sum256([]byte("report")))
	rec, sc := n.record(ledgertest.Disclose(ledger.Members, 1, file[:]), ledgertest.Disclose(ledger.Members, 5, "more"))
	at := mustAppend(t, n, rec, sc)
	erase, esc := erasing(t, n.net, rec, sc, []ledger.Hash{file})
	where := mustAppend(t, n, erase, esc)
	wantPaths(t, n, 1, at.Seq, 1, 5)
	n.reopen(t)
	list, err := n.FilesToErase()
	if err != nil || len(list) != 1 || list[0].At != where.Seq || list[0].Seq != at.Seq || !slices.Equal(list[0].Fields.Files, []ledger.Hash{file}) {
		t.Fatalf("files to erase %+v, %v", list, err)
	}
	if err := n.FilesErased(list[0]); err != nil {
		t.Fatal(err)
	}
	if list, err := n.FilesToErase(); err != nil || len(list) != 0 {
		t.Errorf("files to erase %+v, %v", list, err)
	}
	checkClean(t, n)
}

// TestErasedAgain has an author erase the same, and what never was there, over and
// over: what he erases after that is known all the same, on all nodes, and nothing
// else is kept of the others.
func TestErasedAgain(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	file := ledger.Hash(sha256.Sum256([]byte("report")))
	rec, sc := n.record(ledgertest.Disclose(ledger.Members, 1, file[:]), ledgertest.Disclose(ledger.Members, 5, "more"), ledgertest.Disclose(ledger.Own, 9, "own"))
	at := mustAppend(t, n, rec, sc)
	erase := func(files []ledger.Hash, paths ...uint64) uint64 {
		r, esc := erasing(t, net, rec, sc, files, paths...)
		return mustAppend(t, n, r, esc).Seq
	}
	want := []uint64{erase(nil, 5)}
	for i := range 2 * 256 {
		if i%2 == 0 {
			erase(nil, 5)
		} else {
			erase([]ledger.Hash{{byte(i), byte(i >> 8)}})
		}
	}
	want = append(want, erase([]ledger.Hash{file}, 5))
	erase([]ledger.Hash{file})
	want = append(want, erase(nil, 9))
	whole := onDisk(t, net, "wh")
	whole.fetch(t, n, 1, n.Size(1))
	for _, n := range []*node{n, whole} {
		list, err := n.Erasures(1, at.Seq)
		var got []uint64
		for _, e := range list {
			got = append(got, e.At)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("erased by %v, %v; want %v", got, err, want)
		}
		files, err := n.FilesToErase()
		if err != nil || len(files) != 1 || files[0].At != want[1] {
			t.Errorf("files to erase %+v, %v", files, err)
		}
		wantPaths(t, n, 1, at.Seq, 1)
		checkClean(t, n)
	}
}

// TestManyErasures crosses the bounds of batches with sidecars as large as they
// may be.
func TestManyErasures(t *testing.T) {
	t.Parallel()
	net := ledgertest.New()
	n := onDisk(t, net, "lanzhi").begin(t)
	var subs []store.Submission
	for range 8 {
		large := make([]byte, ledger.MaxSidecarBytes-2000)
		rec, sc := n.record(ledgertest.Disclose(ledger.Own, 1, large), ledgertest.Disclose(ledger.Own, 2, "small"))
		mustAppend(t, n, rec, sc)
		erase, esc := erasing(t, net, rec, sc, nil, 2)
		subs = append(subs, store.Submission{Record: erase, Sidecar: esc})
	}
	whole := onDisk(t, net, "wh")
	whole.fetch(t, n, 1, n.Size(1))
	for i, r := range n.AppendBatch(context.Background(), subs) {
		if r.Err != nil {
			t.Errorf("erasure %d: %v", i, r.Err)
		}
	}
	whole.fetch(t, n, 1, n.Size(1))
	for _, n := range []*node{n, whole} {
		purge(t, n, 8)
		wantPaths(t, n, 1, 2, 1)
		checkClean(t, n)
	}
}
