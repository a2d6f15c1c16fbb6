package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/ledger/store"
)

var everyone = store.Audience{Of: ledger.Public}

func openBlobs(t *testing.T) (*store.Blobs, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	b, err := store.OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b, dir
}

func TestBlobsKeepWhatWasPut(t *testing.T) {
	t.Parallel()
	b, dir := openBlobs(t)
	content := []byte("certificate of analysis")
	to := store.Audience{Of: ledger.Parties, Parties: []string{"audit", "wh"}}
	digest, err := b.Put(context.Background(), bytes.NewReader(content), to)
	if err != nil || digest != ledger.Hash(sha256.Sum256(content)) {
		t.Fatalf("put: %s, %v", digest, err)
	}
	if again, err := b.Put(context.Background(), bytes.NewReader(content), everyone); err != nil || again != digest {
		t.Errorf("again: %s, %v", again, err)
	}
	if b, err = store.OpenBlobs(dir); err != nil {
		t.Fatal(err)
	}
	info, err := b.Stat(digest)
	if err != nil || info.Size != int64(len(content)) || info.Audience.String() != "parties audit wh" {
		t.Errorf("stat: %+v, %v", info, err)
	}
	f, err := b.Open(digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
		t.Errorf("content %q, %v", got, err)
	}
	if err := b.SetAudience(digest, everyone); err != nil {
		t.Error(err)
	}
	list, err := b.List()
	if err != nil || len(list) != 1 || list[0].Digest != digest || list[0].Audience.String() != "public" {
		t.Errorf("list %+v, %v", list, err)
	}
	other := ledger.Hash{1}
	_, openErr := b.Open(other)
	_, statErr := b.Stat(other)
	if !errors.Is(openErr, store.ErrNotFound) || !errors.Is(statErr, store.ErrNotFound) || b.Has(other) {
		t.Errorf("a blob that is not there: %v, %v", openErr, statErr)
	}
}

func TestBlobsRefuse(t *testing.T) {
	t.Parallel()
	b, dir := openBlobs(t)
	b.SetLimit(1000)
	if _, err := b.Put(context.Background(), strings.NewReader(strings.Repeat("x", 1001)), everyone); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := b.PutDigest(context.Background(), ledger.Hash{1}, strings.NewReader("x"), everyone); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another digest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Put(ctx, strings.NewReader("x"), everyone); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	for _, a := range []store.Audience{{}, {Of: ledger.Item}, {Of: ledger.Parties}, {Of: ledger.Own, Parties: []string{"wh"}}, {Of: ledger.Parties, Parties: []string{"wh", "audit"}}} {
		if _, err := b.Put(context.Background(), strings.NewReader("x"), a); err == nil {
			t.Errorf("audience %+v was accepted", a)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

func TestBlobsRemoveWhatWasAbandoned(t *testing.T) {
	t.Parallel()
	_, dir := openBlobs(t)
	old, young := filepath.Join(dir, "incoming", "old"), filepath.Join(dir, "incoming", "young")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenBlobs(dir); err != nil {
		t.Fatal(err)
	}
	_, oldErr := os.Stat(old)
	_, youngErr := os.Stat(young)
	if !errors.Is(oldErr, os.ErrNotExist) || youngErr != nil {
		t.Errorf("old: %v, young: %v", oldErr, youngErr)
	}
}

func TestBlobsConcurrently(t *testing.T) {
	t.Parallel()
	b, _ := openBlobs(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := b.Put(context.Background(), strings.NewReader(strings.Repeat("x", i%4)), everyone); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := b.List(); err != nil || len(list) != 4 {
		t.Errorf("%d blobs, %v", len(list), err)
	}
}

func TestVerifyReadsBlobs(t *testing.T) {
	t.Parallel()
	n := inMemory(t, ledgertest.New(), "lanzhi").begin(t)
	b, dir := openBlobs(t)
	digest, err := b.Put(context.Background(), strings.NewReader("content"), everyone)
	if err != nil {
		t.Fatal(err)
	}
	find := func() []ledger.Problem {
		src, err := n.Source(b)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		_, problems := verifySource(t, src)
		return problems
	}
	if problems := find(); len(problems) != 0 {
		t.Errorf("problems %v", problems)
	}
	path := filepath.Join(dir, digest.String()[:2], digest.String())
	if err := os.WriteFile(path, []byte("cöntent"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems := find(); len(problems) != 1 || problems[0].Code != ledger.CodeAttachment {
		t.Errorf("problems %v", problems)
	}
	if err := os.Remove(path + ".audience"); err != nil {
		t.Fatal(err)
	}
	if problems := find(); len(problems) == 0 {
		t.Error("a blob without audience is not found")
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	for text, sees := range map[string][]string{
		"public":        {"lanzhi", "wh", "dist"},
		"members":       {"lanzhi", "wh", "dist"},
		"parties wh":    {"lanzhi", "wh"},
		"parties a b-c": {"lanzhi"},
		"own":           {"lanzhi"},
	} {
		a, err := store.ParseAudience(text)
		if err != nil || a.String() != text {
			t.Errorf("%q: %q, %v", text, a, err)
		}
		var got []string
		for _, m := range []string{"lanzhi", "wh", "dist"} {
			if a.VisibleTo(m, "lanzhi") {
				got = append(got, m)
			}
		}
		if strings.Join(got, " ") != strings.Join(sees, " ") {
			t.Errorf("%q is seen by %v, want %v", text, got, sees)
		}
	}
}

func FuzzParseAudience(f *testing.F) {
	for _, s := range []string{"public", "parties a b", "own", "", "item", "parties  a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := store.ParseAudience(text); err == nil && a.String() != text {
			t.Errorf("%q reads as %q", text, a)
		}
	})
}

// TestBlobsLeaveRoom takes no files of others while there is room for own ones only,
// and none at all where only the ledger has room, also in the middle of one.
func TestBlobsLeaveRoom(t *testing.T) {
	t.Parallel()
	b, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	members := store.Audience{Of: ledger.Members}
	put := func(free uint64, data []byte) (given, found error) {
		b.SetBlobsFree(func() uint64 { return free })
		_, given = b.Put(context.Background(), bytes.NewReader(data), members)
		found = b.PutDigest(context.Background(), sha256.Sum256(data), bytes.NewReader(data), members)
		return given, found
	}
	const gib = 1 << 30
	for _, c := range []struct {
		free         uint64
		given, found bool
	}{{4 * gib, true, true}, {3 * gib / 2, true, false}, {gib, false, false}} {
		given, found := put(c.free, []byte("file"))
		if (given == nil) != c.given || (found == nil) != c.found {
			t.Errorf("%d bytes free: %v, %v", c.free, given, found)
		}
		for _, err := range []error{given, found} {
			if err != nil && !errors.Is(err, store.ErrFull) {
				t.Errorf("%d bytes free: %v", c.free, err)
			}
		}
	}
	looks := 0
	b.SetBlobsFree(func() uint64 {
		looks++
		return uint64(4-looks) * gib
	})
	large := make([]byte, 100<<20)
	if err := b.PutDigest(context.Background(), sha256.Sum256(large), bytes.NewReader(large), members); !errors.Is(err, store.ErrFull) || looks > 4 {
		t.Errorf("a disk that fills up: %v, after %d looks", err, looks)
	}
}
