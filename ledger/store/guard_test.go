package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"suyuan/ledger"
)

func newGuard(t *testing.T) *guard {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state", "a.signed")
	if err := CreateGuard(path); err != nil {
		t.Fatal(err)
	}
	g := openGuard(path)
	if g.lost != nil {
		t.Fatal(g.lost)
	}
	return g
}

func mark(chain uint32, size uint64, root byte) Mark {
	return Mark{chain, size, ledger.Hash{root}}
}

func TestGuardFileIsTheDocumentedText(t *testing.T) {
	g := newGuard(t)
	for _, m := range []Mark{mark(3, 9, 2), mark(2, 5, 1)} {
		if err := g.raiseCosigned(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.raiseOwn(mark(1, 258, 0xab)); err != nil {
		t.Fatal(err)
	}
	if err := g.claim(mark(1, 300, 0xcd)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(g.path)
	if err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("0", 62)
	want := "suyuan guard 1\n" +
		"own 1 258 ab" + zeros + "\n" +
		"claimed 1 300 cd" + zeros + "\n" +
		"cosigned 2 5 01" + zeros + "\n" +
		"cosigned 3 9 02" + zeros + "\n" +
		"sha256 "
	if !strings.HasPrefix(string(got), want) || len(got) != len(want)+65 {
		t.Errorf("guard file:\n%s\nwant\n%s…", got, want)
	}
	again := openGuard(g.path)
	if own, ok := again.ownMark(); !ok || own != mark(1, 258, 0xab) || again.lost != nil {
		t.Errorf("read back: %+v %v %v", own, ok, again.lost)
	}
	if m, ok := again.cosignedMark(3); !ok || m != mark(3, 9, 2) {
		t.Errorf("read back: %+v %v", m, ok)
	}
	if m, ok := again.claimedMark(); !ok || m != mark(1, 300, 0xcd) {
		t.Errorf("read back: %+v %v", m, ok)
	}
	for _, m := range []Mark{mark(1, 258, 0xef), mark(1, 299, 0xef), mark(1, 300, 0xef)} {
		if err := again.claim(m); err != nil {
			t.Error(err)
		}
	}
	if m, _ := again.claimedMark(); m != mark(1, 300, 0xcd) {
		t.Errorf("claimed %+v", m)
	}
	if err := again.settle(mark(1, 300, 0xcd)); err != nil {
		t.Error(err)
	}
	settled := openGuard(g.path)
	if m, ok := settled.claimedMark(); ok {
		t.Errorf("still claimed: %+v", m)
	}
	if m, _ := settled.ownMark(); m != mark(1, 300, 0xcd) {
		t.Errorf("settled at %+v", m)
	}
}

func TestGuardNeverGoesBack(t *testing.T) {
	g := newGuard(t)
	for _, raise := range []func(Mark) error{g.raiseOwn, g.raiseCosigned} {
		for _, c := range []struct {
			m  Mark
			ok bool
		}{
			{mark(1, 5, 1), true},
			{mark(1, 5, 1), true},  // the same again
			{mark(1, 5, 2), false}, // a second root
			{mark(1, 4, 1), false}, // shrinking
			{mark(1, 6, 2), true},
			{mark(1, 5, 1), false},
		} {
			if err := raise(c.m); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrConflict) {
				t.Errorf("%+v: %v, want ok %v", c.m, err, c.ok)
			}
		}
	}
	if err := g.raiseOwn(mark(2, 99, 1)); !errors.Is(err, ErrConflict) {
		t.Errorf("another own chain: %v", err)
	}
}

// TestGuardSignsNothingBesideAClaim holds that a claim goes only by being settled:
// not by signing something longer, which may be another history.
func TestGuardSignsNothingBesideAClaim(t *testing.T) {
	g := newGuard(t)
	if err := errors.Join(g.raiseOwn(mark(1, 10, 1)), g.claim(mark(1, 15, 2))); err != nil {
		t.Fatal(err)
	}
	for _, m := range []Mark{mark(1, 12, 3), mark(1, 15, 3), mark(1, 15, 2), mark(1, 20, 3)} {
		if err := g.raiseOwn(m); !errors.Is(err, ErrNotSigning) {
			t.Errorf("signed %+v: %v", m, err)
		}
	}
	if err := g.settle(mark(1, 15, 3)); err != nil { // not what is claimed: nothing happens
		t.Error(err)
	}
	file := openGuard(g.path)
	own, _ := file.ownMark()
	claimed, _ := file.claimedMark()
	if own != mark(1, 10, 1) || claimed != mark(1, 15, 2) {
		t.Errorf("own %+v, claimed %+v", own, claimed)
	}
	if err := g.settle(claimed); err != nil {
		t.Error(err)
	}
	if err := g.raiseOwn(mark(1, 20, 3)); err != nil {
		t.Errorf("after it was settled: %v", err)
	}
}

func TestGuardDamagedOrMissingIsLost(t *testing.T) {
	g := newGuard(t)
	if err := g.raiseOwn(mark(1, 5, 1)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(g.path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(g.path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		l := openGuard(g.path)
		if l.lost == nil {
			t.Errorf("%s: not lost", name)
		}
		if err := l.raiseOwn(mark(1, 9, 9)); !errors.Is(err, ErrNotSigning) {
			t.Errorf("%s: raise: %v", name, err)
		}
		if err := l.raiseCosigned(mark(1, 9, 9)); !errors.Is(err, ErrNotSigning) {
			t.Errorf("%s: raise: %v", name, err)
		}
	}
	for i := range good {
		flipped := append([]byte(nil), good...)
		flipped[i] ^= 1
		try("flipped", flipped)
		try("cut", good[:i])
	}
	try("longer", append(good[:len(good):len(good)], '\n'))
	if err := os.Remove(g.path); err != nil {
		t.Fatal(err)
	}
	if l := openGuard(g.path); l.lost == nil || !strings.Contains(l.lost.Error(), "guard lost") {
		t.Errorf("missing: %v", l.lost)
	}
}

func TestCreateGuardNeverReplaces(t *testing.T) {
	g := newGuard(t)
	if err := CreateGuard(g.path); !errors.Is(err, os.ErrExist) {
		t.Errorf("second time: %v", err)
	}
}

func TestGuardIsOnDiskBeforeRaiseReturns(t *testing.T) {
	g := newGuard(t)
	var wg sync.WaitGroup
	for chain := range uint32(8) {
		wg.Go(func() {
			for size := range uint64(20) {
				m := mark(chain+1, size+1, byte(size))
				if err := g.raiseCosigned(m); err != nil {
					t.Error(err)
				}
				if on, ok := openGuard(g.path).cosignedMark(m.Chain); !ok || on.Size < m.Size {
					t.Errorf("the file has %+v after raising to %+v", on, m)
				}
			}
		})
	}
	wg.Wait()
}

func TestGuardThatCannotBeWrittenSignsNothing(t *testing.T) {
	g := newGuard(t)
	if err := os.RemoveAll(filepath.Dir(g.path)); err != nil {
		t.Fatal(err)
	}
	if err := g.raiseOwn(mark(1, 5, 1)); !errors.Is(err, ErrNotSigning) {
		t.Errorf("raise without a directory: %v", err)
	}
}

func FuzzGuardDecode(f *testing.F) {
	g := &guard{cosigned: map[uint32]Mark{2: mark(2, 5, 1)}, own: &Mark{Chain: 1, Size: 7}, claimed: &Mark{Chain: 1, Size: 9}}
	f.Add(g.encode())
	f.Add([]byte(guardTitle))
	f.Add([]byte("own 1 2 3\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := emptyGuard("")
		if g.decode(raw) == nil && string(g.encode()) != string(raw) {
			t.Errorf("%q decodes and encodes as %q", raw, g.encode())
		}
	})
}
