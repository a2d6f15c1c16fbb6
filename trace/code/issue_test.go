package code

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// referenceRoot computes the root of a pack with the library alone.
func referenceRoot(t *testing.T, pack []byte) []byte {
	t.Helper()
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	for ; len(pack) > 0; pack = pack[elementLen:] {
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(pack[:elementLen]), nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestIssueMakesAProperPack(t *testing.T) {
	for _, count := range []uint32{1, 2, 255, 256, 257, 511, 513, issueBatch, issueBatch + 1, 70_001} {
		run := testRun
		run.Count = count
		issued, pack := mustIssue(t, run)
		raw, err := os.ReadFile(issued.Path)
		if err != nil {
			t.Fatal(err)
		}
		if digest := sha256.Sum256(raw); digest != issued.Digest || filepath.Base(issued.Path) != hex.EncodeToString(digest[:]) {
			t.Errorf("%d codes: %s and digest %x, want %x", count, issued.Path, issued.Digest, digest)
		}
		if root := referenceRoot(t, raw); !bytes.Equal(root, issued.Root[:]) {
			t.Errorf("%d codes: root %x, want %x", count, issued.Root, root)
		}
		if issued.Count != count || pack.Len() != count || issued.Guessable {
			t.Errorf("%d codes: issued %d, pack has %d, guessable %v", count, issued.Count, pack.Len(), issued.Guessable)
		}
		blocks, err := pack.Check(t.Context(), issued.Root, count)
		if err != nil || blocks.Root() != issued.Root {
			t.Errorf("%d codes: Check = root %x, %v", count, blocks.Root(), err)
		}
	}
}

func TestIssueLeavesNothingBehind(t *testing.T) {
	dir, temp := t.TempDir(), t.TempDir()
	run := testRun
	run.Count = 300_000
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")

	// Stop once while codes are made and once while the pack is written.
	for _, at := range []uint64{100_000, 500_000} {
		_, err := Issue(ctx, run, Job{Dir: dir, TempDir: temp, Progress: func(done, total uint64) {
			if done >= at {
				cancel(stop)
			}
		}})
		if !errors.Is(err, stop) {
			t.Errorf("stopped at %d: %v, want %v", at, err, stop)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
	}
	cancel(nil)

	if _, err := Issue(t.Context(), run, Job{Dir: filepath.Join(dir, "missing"), TempDir: temp}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing directory: %v, want %v", err, os.ErrNotExist)
	}
	if _, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: filepath.Join(temp, "missing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing temporary directory: %v, want %v", err, os.ErrNotExist)
	}
	run.Count = 0
	if _, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: temp}); !errors.Is(err, ErrRun) {
		t.Errorf("empty run: %v, want %v", err, ErrRun)
	}

	for _, d := range []string{dir, temp} {
		if left, err := os.ReadDir(d); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestIssueReportsProgress(t *testing.T) {
	run := testRun
	run.Count = 10_000
	dir := t.TempDir()
	var last uint64
	_, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: dir, Progress: func(done, total uint64) {
		if done < last || total != 20_000 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil || last != 20_000 {
		t.Errorf("ended at %d: %v", last, err)
	}
}

func TestIssueAgainGivesTheSamePack(t *testing.T) {
	dir := t.TempDir()
	first, err := Issue(t.Context(), testRun, Job{Dir: dir, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Issue(t.Context(), testRun, Job{Dir: dir, TempDir: dir})
	if err != nil || second.Path != first.Path || second.Root != first.Root {
		t.Errorf("got %s, %x, %v, want %s, %x", second.Path, second.Root, err, first.Path, first.Root)
	}
}

func TestSorterSpillsAndSorts(t *testing.T) {
	s := newSorter(t.TempDir())
	defer s.close()
	// All elements go to one bucket, which spills twice.
	const n = 2*bucketBuffer + 100
	for i := range uint32(n) {
		if err := s.add([]Element{newElement(Hash{0, byte(i), byte(i >> 8)}, i)}); err != nil {
			t.Fatal(err)
		}
	}
	var sorted []Element
	err := s.drain(t.Context(), func(piece []Element) error {
		sorted = append(sorted, piece...)
		return nil
	})
	if err != nil || len(sorted) != n {
		t.Fatalf("%d elements, want %d: %v", len(sorted), n, err)
	}
	for i := 1; i < n; i++ {
		if bytes.Compare(sorted[i-1][:], sorted[i][:]) >= 0 {
			t.Fatalf("element %d, %v, is not above %v", i, sorted[i], sorted[i-1])
		}
	}
}

func TestDrainStopsOnError(t *testing.T) {
	s := newSorter(t.TempDir())
	defer s.close()
	stop := errors.New("stop")
	if err := s.drain(t.Context(), func([]Element) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("drain: %v, want %v", err, stop)
	}
}
