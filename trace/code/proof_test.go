package code

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// TestEveryCodeProvesAndNoOther issues runs of random sizes with random
// secrets and asks for proofs of codes in and out of them.
func TestEveryCodeProvesAndNoOther(t *testing.T) {
	const seed = 20261121
	random := rand.New(rand.NewPCG(seed, 0))
	sizes := []uint32{1, 2, 3, 256, 257, 600, 70_000}
	for range 5 {
		sizes = append(sizes, 1+random.Uint32N(3000))
	}
	for _, size := range sizes {
		run := Run{GTIN: testRun.GTIN, Number: uint16(random.UintN(MaxRunNumber)), Count: size}
		for i := range run.Secret {
			run.Secret[i] = byte(random.Uint32())
		}
		prover := mustProver(t, run)
		step := 1 + size/200
		for index := random.Uint32N(step); index < size; index += step {
			h := HashOf(run.GTIN, run.Serial(index).String())
			p, err := prover.ProveInclusion(h)
			if err != nil || p.Element.Index() != index || p.Verify(prover.root, h) != nil {
				t.Fatalf("seed %d, %d codes: ProveInclusion of code %d = %v, %v", seed, size, index, p, err)
			}
		}
		run.Number++
		for index := range uint32(200) {
			h := HashOf(run.GTIN, run.Serial(index).String())
			a, err := prover.ProveAbsence(h)
			if err != nil || a.Verify(prover.root, h) != nil {
				t.Fatalf("seed %d, %d codes: ProveAbsence = %v, %v", seed, size, a, err)
			}
		}
		for _, h := range []Hash{{}, Hash([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))} {
			a, err := prover.ProveAbsence(h)
			if err != nil || (a.Before == nil) == (a.After == nil) {
				t.Fatalf("seed %d, %d codes: ProveAbsence(%v) = %v, %v", seed, size, h, a, err)
			}
		}
	}
}

// clone returns a copy that shares nothing with p.
func (p Inclusion) clone() Inclusion {
	path := make([][]byte, len(p.Proof))
	for i := range path {
		path[i] = slices.Clone(p.Proof[i])
	}
	p.Proof = path
	return p
}

// tampered yields changed copies of a proof, each with a name.
func tampered(p Inclusion) map[string]Inclusion {
	all := make(map[string]Inclusion)
	change := func(name string, f func(*Inclusion)) {
		c := p.clone()
		f(&c)
		all[name] = c
	}
	change("index up", func(p *Inclusion) { p.Index++ })
	change("index down", func(p *Inclusion) { p.Index-- })
	change("index of the code", func(p *Inclusion) { p.Element[elementLen-1] ^= 1 })
	change("no size", func(p *Inclusion) { p.Size = 0 })
	change("huge size", func(p *Inclusion) { p.Size = 1 << 63 })
	change("no path", func(p *Inclusion) { p.Proof = nil })
	change("longer path", func(p *Inclusion) { p.Proof = append(p.Proof, make([]byte, 32)) })
	change("shorter path", func(p *Inclusion) { p.Proof = p.Proof[:len(p.Proof)-1] })
	change("long node", func(p *Inclusion) { p.Proof[0] = append(p.Proof[0], 0) })
	change("short node", func(p *Inclusion) { p.Proof[0] = p.Proof[0][:31] })
	change("nil node", func(p *Inclusion) { p.Proof[0] = nil })
	change("swapped nodes", func(p *Inclusion) { p.Proof[0], p.Proof[1] = p.Proof[1], p.Proof[0] })
	for i := range p.Proof {
		change("bit of a node", func(p *Inclusion) { p.Proof[i][i] ^= 0x10 })
	}
	return all
}

func TestTamperedProofsFail(t *testing.T) {
	run := testRun
	run.Count = 700
	prover := mustProver(t, run)
	root := prover.root
	for index := uint32(0); index < run.Count; index += 7 {
		h := HashOf(run.GTIN, run.Serial(index).String())
		p, err := prover.ProveInclusion(h)
		if err != nil {
			t.Fatal(err)
		}
		for name, bad := range tampered(p) {
			if err := bad.Verify(root, h); !errors.Is(err, ErrProof) {
				t.Errorf("code %d, %s: %v, want %v", index, name, err, ErrProof)
			}
		}
		otherRoot := root
		otherRoot[31] ^= 1
		if err := p.Verify(otherRoot, h); !errors.Is(err, ErrProof) {
			t.Errorf("code %d, other root: %v, want %v", index, err, ErrProof)
		}
		if err := p.Verify(root, Hash{}); !errors.Is(err, ErrProof) {
			t.Errorf("code %d, other code: %v, want %v", index, err, ErrProof)
		}
	}
}

func TestTamperedAbsencesFail(t *testing.T) {
	run := testRun
	run.Count = 700
	prover := mustProver(t, run)
	other := run
	other.Number++
	for index := range uint32(50) {
		h := HashOf(run.GTIN, other.Serial(index).String())
		a, err := prover.ProveAbsence(h)
		if err != nil {
			t.Fatal(err)
		}
		if a.Before == nil || a.After == nil {
			continue
		}
		bads := map[string]Absence{
			"nothing":       {},
			"only before":   {Before: a.Before},
			"only after":    {After: a.After},
			"swapped":       {Before: a.After, After: a.Before},
			"before twice":  {Before: a.Before, After: a.Before},
			"another place": {Before: a.Before, After: a.After},
		}
		for name, bad := range tampered(*a.Before) {
			bads["before: "+name] = Absence{Before: &bad, After: a.After}
		}
		for name, bad := range tampered(*a.After) {
			bads["after: "+name] = Absence{Before: a.Before, After: &bad}
		}
		for name, bad := range bads {
			about := h
			if name == "another place" {
				about = HashOf(run.GTIN, run.Serial(index).String())
			}
			if err := bad.Verify(prover.root, about); !errors.Is(err, ErrProof) {
				t.Errorf("code %d, %s: %v, want %v", index, name, err, ErrProof)
			}
		}
	}
}

// TestNoSizeMakesAnIssuedCodeAbsent gives a prover who knows every path the
// choice of any indexes and sizes to deny a code with.
func TestNoSizeMakesAnIssuedCodeAbsent(t *testing.T) {
	const maxSize = 9
	for size := 1; size <= maxSize; size++ {
		elements := make([]Element, size)
		leaves := make([]node, size)
		for i := range elements {
			elements[i] = newElement(Hash{byte(2 * i)}, 0)
			leaves[i] = leafNode(&elements[i])
		}
		root := [32]byte(rootOf(leaves))

		// Everything that verifies under any claim, true or not.
		valid := []*Inclusion{nil}
		for i := range elements {
			path := pathOf(leaves, i)
			for claim := uint64(1); claim <= 4*maxSize; claim++ {
				for index := range claim {
					p := &Inclusion{Index: index, Size: claim, Element: elements[i], Proof: path}
					if p.verifyPath(root) == nil {
						valid = append(valid, p)
					}
				}
			}
		}
		if len(valid) <= size {
			t.Fatalf("%d elements have %d valid proofs", size, len(valid)-1)
		}
		for _, e := range elements {
			for _, before := range valid {
				for _, after := range valid {
					if (Absence{before, after}).Verify(root, e.Hash()) == nil {
						t.Fatalf("element %v of %d is denied by %v and %v", e, size, before, after)
					}
				}
			}
		}
	}
}

func TestOpenProverRestoresBlockRoots(t *testing.T) {
	run := testRun
	run.Count = 3000
	issued, _ := mustIssue(t, run)
	path := filepath.Join(t.TempDir(), "blocks")
	h := HashOf(run.GTIN, run.Serial(5).String())

	damage := map[string]func(){
		"missing": func() {},
		"empty":   func() { mustWrite(t, path, nil) },
		"cut":     func() { mustWrite(t, path, mustRead(t, path)[1:]) },
		"changed": func() {
			raw := mustRead(t, path)
			raw[40]++
			mustWrite(t, path, raw)
		},
		"intact": func() {},
	}
	for _, name := range []string{"missing", "empty", "cut", "changed", "intact"} {
		damage[name]()
		prover, err := OpenProver(t.Context(), issued.Path, path, issued.Root)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := prover.ProveInclusion(h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := prover.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := mustRead(t, path)
	if err := issued.Blocks.WriteFile(path); err != nil || !slices.Equal(mustRead(t, path), want) {
		t.Errorf("issuing gives other block roots than checking: %v", err)
	}
}

func TestOpenProverRefusesAnotherRoot(t *testing.T) {
	issued, _ := mustIssue(t, testRun)
	root := issued.Root
	root[0]++
	path := filepath.Join(t.TempDir(), "blocks")
	if _, err := OpenProver(t.Context(), issued.Path, path, root); !errors.Is(err, ErrBadPack) {
		t.Errorf("OpenProver: %v, want %v", err, ErrBadPack)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("block roots of a bad pack were written: %v", err)
	}
}

func TestProverNoticesBlockRootsThatRot(t *testing.T) {
	issued, _ := mustIssue(t, testRun)
	path := filepath.Join(t.TempDir(), "blocks")
	prover, err := OpenProver(t.Context(), issued.Path, path, issued.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer prover.Close()
	raw := mustRead(t, path)
	raw[0]++
	raw[len(raw)-1]++
	mustWrite(t, path, raw)
	if _, err := prover.ProveInclusion(HashOf(testRun.GTIN, testRun.Serial(0).String())); !errors.Is(err, ErrBlockRoots) {
		t.Errorf("ProveInclusion: %v, want %v", err, ErrBlockRoots)
	}
	if _, err := prover.ProveAbsence(Hash{}); !errors.Is(err, ErrBlockRoots) {
		t.Errorf("ProveAbsence: %v, want %v", err, ErrBlockRoots)
	}
}

func TestProofsSurviveJSON(t *testing.T) {
	prover := mustProver(t, testRun)
	h := HashOf(testRun.GTIN, "NONE")
	a, err := prover.ProveAbsence(h)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back Absence
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, a) {
		t.Errorf("%s is read as %v, want %v: %v", raw, back, a, err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustWrite(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// FuzzVerify holds that no proof read from foreign bytes makes verification
// fail badly or pass: the code asked for is in the tree, and a path to it
// would have to be found.
func FuzzVerify(f *testing.F) {
	f.Add(uint64(0), uint64(1), []byte("path"), uint64(1), uint64(2))
	f.Add(uint64(1<<63), uint64(1<<64-1), make([]byte, 64*32), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, index, size uint64, path []byte, index2, size2 uint64) {
		e := newElement(Hash{5}, 0)
		root := [32]byte{1}
		p := Inclusion{Index: index, Size: size, Element: e, Proof: slices.Collect(slices.Chunk(path, 32))}
		if p.Verify(root, e.Hash()) == nil {
			t.Errorf("%v verifies", p)
		}
		q := Inclusion{Index: index2, Size: size2, Element: newElement(Hash{7}, 0), Proof: p.Proof}
		for _, a := range []Absence{{}, {&p, &q}, {&q, &p}, {&p, nil}, {nil, &q}} {
			if a.Verify(root, Hash{6}) == nil {
				t.Errorf("%v verifies", a)
			}
		}
	})
}
