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
	// All elements go to one bucket, in two files and one part in memory.
	const n = 300
	var elements []Element
	for i := range uint32(n) {
		elements = append(elements, newElement(Hash{0, byte(i * 7), byte(i >> 8)}, i))
	}
	for i := range 2 {
		if err := s.spill(i, [32]byte{1}, elements[100*i:100*(i+1)]); err != nil {
			t.Fatal(err)
		}
	}
	s.keep(elements[200:])
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

// TestPartsOfOthersAreNotTakenUp holds that only the whole part that is needed
// is.
func TestPartsOfOthersAreNotTakenUp(t *testing.T) {
	dir := t.TempDir()
	s := newSorter(dir)
	defer s.close()
	elements := []Element{newElement(Hash{1}, 0), newElement(Hash{200}, 1)}
	if err := s.spill(3, [32]byte{1}, elements); err != nil {
		t.Fatal(err)
	}
	other := newSorter(dir)
	defer other.close()
	for name, ok := range map[string]bool{
		"another number": other.resume(4, [32]byte{1}, 2),
		"another tag":    other.resume(3, [32]byte{2}, 2),
		"another count":  other.resume(3, [32]byte{1}, 3),
	} {
		if ok {
			t.Errorf("%s is taken up", name)
		}
	}
	if !other.resume(3, [32]byte{1}, 2) {
		t.Error("the part itself is not")
	}
	raw, err := os.ReadFile(s.path(3))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"a piece":     raw[:len(raw)-1],
		"more":        append(bytes.Clone(raw), 0),
		"other sizes": append(append(bytes.Clone(raw[:2*elementLen]), 9), raw[2*elementLen+1:]...),
	} {
		if err := os.WriteFile(s.path(5), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if other.resume(5, [32]byte{1}, 2) {
			t.Errorf("%s is taken up", name)
		}
	}
}

// TestIssueGoesOn stops a run, as one that dies, and holds that the next attempt
// begins with what was made and that the pack is the same.
func TestIssueGoesOn(t *testing.T) {
	run := testRun
	run.Count = 3*partLen + 17
	dir, temp := t.TempDir(), t.TempDir()
	whole, err := Issue(t.Context(), run, Job{Dir: t.TempDir(), TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	_, err = Issue(ctx, run, Job{Dir: dir, TempDir: temp, Resume: true, Progress: func(done, _ uint64) {
		if done > uint64(run.Count) { // some parts are done, and the pack is begun
			cancel(stop)
		}
	}})
	if !errors.Is(err, stop) {
		t.Fatalf("stopped: %v", err)
	}
	// One part is gone, and a piece of another's file is there.
	if err := errors.Join(os.Remove(filepath.Join(temp, "part-1")), os.WriteFile(filepath.Join(temp, "part-1.new"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var first uint64
	issued, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: temp, Resume: true, Progress: func(done, _ uint64) {
		if first == 0 {
			first = done
		}
	}})
	if err != nil || issued.Digest != whole.Digest || issued.Root != whole.Root {
		t.Fatalf("digest %x, want %x: %v", issued.Digest, whole.Digest, err)
	}
	if first < issueBatch {
		t.Errorf("the first word of progress is %d", first)
	}

	// Another secret takes nothing up, and its codes are its own.
	run.Secret[0]++
	other, err := Issue(t.Context(), run, Job{Dir: dir, TempDir: temp, Resume: true})
	if err != nil || other.Digest == whole.Digest {
		t.Errorf("another secret: digest %x, %v", other.Digest, err)
	}
	pack, err := os.ReadFile(other.Path)
	if err != nil {
		t.Fatal(err)
	}
	if root := referenceRoot(t, pack); !bytes.Equal(root, other.Root[:]) {
		t.Errorf("root %x, want %x", other.Root, root)
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
