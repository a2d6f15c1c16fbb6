package code

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// packOf returns a pack of elements and its root, whatever they are.
func packOf(t testing.TB, elements ...Element) (*Pack, [32]byte) {
	t.Helper()
	var raw []byte
	var hasher blockHasher
	for i := range elements {
		raw = append(raw, elements[i][:]...)
		hasher.add(&elements[i])
	}
	hasher.close()
	pack, err := NewPack(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return pack, BlockRoots{roots: hasher.roots}.Root()
}

func TestNewPackRefusesSizes(t *testing.T) {
	for _, size := range []int64{-20, 0, 1, 19, 21, 20*MaxRunCodes + 20} {
		var bad *BadPackError
		if _, err := NewPack(bytes.NewReader(nil), size); !errors.Is(err, ErrBadPack) || !errors.As(err, &bad) || bad.Problems[0].Code != ProblemSize {
			t.Errorf("%d bytes: %v, want %v", size, err, ErrBadPack)
		}
	}
	if _, err := NewPack(bytes.NewReader(nil), 20*MaxRunCodes); err != nil {
		t.Errorf("the largest pack: %v", err)
	}
}

func TestOpenTellsTroubleFromBadPacks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pack")
	if _, err := Open(path); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrBadPack) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, make([]byte, 30), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrBadPack) {
		t.Errorf("30 bytes: %v, want %v", err, ErrBadPack)
	}

	pack, _ := packOf(t, newElement(Hash{1}, 0))
	pack.r = bytes.NewReader(nil) // the file was cut after it was opened
	if _, _, err := pack.Lookup(Hash{1}); !errors.Is(err, io.EOF) {
		t.Errorf("Lookup in a cut file: %v, want %v", err, io.EOF)
	}
	if _, err := pack.Check(t.Context(), [32]byte{}, 0); !errors.Is(err, io.EOF) || errors.Is(err, ErrBadPack) {
		t.Errorf("Check of a cut file: %v, want %v", err, io.EOF)
	}
	if err := pack.Close(); err != nil {
		t.Error(err)
	}
}

func TestLookupFindsEveryCodeAndNoOther(t *testing.T) {
	for _, count := range []uint32{1, 2, 127, 128, 129, 1000, 50_000} {
		run := testRun
		run.Count = count
		_, pack := mustIssue(t, run)
		for index, serial := range run.Serials(0, count) {
			got, found, err := pack.Lookup(HashOf(run.GTIN, serial.String()))
			if got != index || !found || err != nil {
				t.Fatalf("%d codes: Lookup(%v) = %d, %v, %v, want %d", count, serial, got, found, err, index)
			}
		}
		run.Number++
		for _, serial := range run.Serials(0, min(count, 2000)) {
			if _, found, err := pack.Lookup(HashOf(run.GTIN, serial.String())); found || err != nil {
				t.Fatalf("%d codes: Lookup(%v) found %v, %v", count, serial, found, err)
			}
		}
	}
}

// countingReader counts reads, to see that a search does not crawl.
type countingReader struct {
	io.ReaderAt
	reads int
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	r.reads++
	return r.ReaderAt.ReadAt(p, off)
}

// skewedPack has hashes that mislead an estimate by their value: powers of
// two, then everything crowded at one end.
func skewedPack(t testing.TB, n int) *Pack {
	t.Helper()
	elements := make([]Element, n)
	for i := range elements {
		var h Hash
		switch {
		case i < 60:
			binary.BigEndian.PutUint64(h[:], 1<<i)
		default:
			binary.BigEndian.PutUint64(h[:], 1<<63)
			binary.BigEndian.PutUint64(h[8:], uint64(i))
		}
		elements[i] = newElement(h, uint32(i))
	}
	pack, _ := packOf(t, elements...)
	return pack
}

func TestSearchStaysShort(t *testing.T) {
	run := testRun
	run.Count = 200_000
	_, pack := mustIssue(t, run)
	for name, test := range map[string]struct {
		pack *Pack
		max  int
	}{
		"uniform": {pack, 15},
		"skewed":  {skewedPack(t, 200_000), 3 * 18},
	} {
		t.Run(name, func(t *testing.T) {
			reader := &countingReader{ReaderAt: test.pack.r}
			counted := &Pack{r: reader, len: test.pack.len}
			for pos := uint32(0); pos < counted.len; pos += 97 {
				elements, err := readElements(test.pack.r, pos, 1)
				if err != nil {
					t.Fatal(err)
				}
				reader.reads = 0
				at, e, found, err := counted.search(elements[0].Hash())
				if at != pos || e != elements[0] || !found || err != nil {
					t.Fatalf("search for element %d = %d, %v, %v, %v", pos, at, e, found, err)
				}
				if reader.reads > test.max {
					t.Fatalf("search for element %d took %d reads", pos, reader.reads)
				}
			}
		})
	}
}

func TestCheckNamesEveryProblem(t *testing.T) {
	element := func(hash byte, index uint32) Element { return newElement(Hash{hash}, index) }
	good := []Element{element(1, 2), element(2, 0), element(3, 1)}
	for name, test := range map[string]struct {
		elements  []Element
		otherRoot bool
		count     uint32
		want      []string
	}{
		"good":             {elements: good, count: 3},
		"count not known":  {elements: good},
		"swapped":          {elements: []Element{good[1], good[0], good[2]}, want: []string{ProblemOrder}},
		"twice":            {elements: []Element{good[0], good[0], good[2]}, want: []string{ProblemDuplicate, ProblemIndex}},
		"one code, two":    {elements: []Element{element(1, 0), element(1, 1)}, want: []string{ProblemDuplicate}},
		"index too high":   {elements: []Element{element(1, 0), element(2, 2)}, want: []string{ProblemIndex}},
		"index way too so": {elements: []Element{element(1, 0), element(2, 1<<32-1)}, want: []string{ProblemIndex}},
		"index twice":      {elements: []Element{element(1, 0), element(2, 0)}, want: []string{ProblemIndex}},
		"root":             {elements: good, otherRoot: true, want: []string{ProblemRoot}},
		"count":            {elements: good, count: 4, want: []string{ProblemCount}},
		"everything": {
			elements:  []Element{element(9, 7), element(8, 7), element(8, 7), element(7, 9)},
			otherRoot: true, count: 5,
			want: []string{ProblemIndex, ProblemOrder, ProblemDuplicate, ProblemRoot, ProblemCount},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pack, root := packOf(t, test.elements...)
			if test.otherRoot {
				root[0]++
			}
			_, err := pack.Check(t.Context(), root, test.count)
			var bad *BadPackError
			var codes []string
			if errors.As(err, &bad) {
				for _, p := range bad.Problems {
					codes = append(codes, p.Code)
				}
			}
			if !slices.Equal(codes, test.want) || errors.Is(err, ErrBadPack) != (test.want != nil) {
				t.Errorf("Check: %v with %v, want %v", err, codes, test.want)
			}
		})
	}
}

func TestCheckStops(t *testing.T) {
	pack, root := packOf(t, newElement(Hash{}, 0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pack.Check(ctx, root, 1); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBadPack) {
		t.Errorf("Check: %v, want %v", err, context.Canceled)
	}
}

// TestCheckFindsEveryChangedByte changes one byte of a good pack at a time.
func TestCheckFindsEveryChangedByte(t *testing.T) {
	run := testRun
	run.Count = 40
	issued, _ := mustIssue(t, run)
	raw, err := os.ReadFile(issued.Path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= byte(1 + random.IntN(255))
		pack, err := NewPack(bytes.NewReader(changed), int64(len(changed)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Check(t.Context(), issued.Root, run.Count); !errors.Is(err, ErrBadPack) {
			t.Errorf("byte %d changed: %v, want %v", i, err, ErrBadPack)
		}
	}
}

// FuzzPack holds that no file makes the reader fail or run on, and that what
// passes the check answers truly.
func FuzzPack(f *testing.F) {
	f.Add(make([]byte, 40), make([]byte, 16))
	f.Add(bytes.Repeat([]byte{7}, 60), bytes.Repeat([]byte{7}, 16))
	f.Fuzz(func(t *testing.T, raw, target []byte) {
		pack, err := NewPack(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			if !errors.Is(err, ErrBadPack) {
				t.Error(err)
			}
			return
		}
		var h Hash
		copy(h[:], target)
		_, found, err := pack.Lookup(h)
		if err != nil {
			t.Fatal(err)
		}
		elements, err := readElements(pack.r, 0, int(pack.Len()))
		if err != nil {
			t.Fatal(err)
		}
		_, root := packOf(t, elements...)
		if _, err := pack.Check(t.Context(), root, pack.Len()); err != nil {
			return
		}
		if want := slices.ContainsFunc(elements, func(e Element) bool { return e.Hash() == h }); found != want {
			t.Errorf("Lookup(%v) found %v, want %v", h, found, want)
		}
	})
}
