package code

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// readVectors reads a file of testdata/vectors: a title, headers of the form
// "name: value" to the first empty line, and the values, one record a line.
func readVectors(t *testing.T, name string) (headers map[string]string, lines []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(raw), "\n\n")
	lines = strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if !ok || len(lines) == 0 {
		t.Fatalf("%s: no values", name)
	}
	headers = make(map[string]string)
	for _, line := range strings.Split(head, "\n")[1:] {
		key, value, _ := strings.Cut(line, ": ")
		headers[key] = value
	}
	return headers, lines
}

func mustHex(t *testing.T, text string, size int) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != size {
		t.Fatalf("%q is not %d bytes of hex: %v", text, size, err)
	}
	return b
}

func mustUint(t *testing.T, text string, bits int) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mustElement(t *testing.T, text string) (e Element) {
	t.Helper()
	if err := e.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCodeVectors(t *testing.T) {
	headers, lines := readVectors(t, "codes.txt")
	secret := Secret(mustHex(t, headers["secret"], 32))
	secondSecret := Secret(mustHex(t, headers["second-secret"], 32))
	for _, line := range lines {
		f := strings.Fields(line)
		run := Run{GTIN: mustUint(t, f[0], 64), Number: uint16(mustUint(t, f[1], 16)), Count: MaxRunCodes, Secret: secret}
		index := uint32(mustUint(t, f[2], 32))
		if err := run.Check(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		serial := run.Serial(index)
		if serial.String() != f[3] {
			t.Errorf("serial %d of run %d of %d is %v, want %s", index, run.Number, run.GTIN, serial, f[3])
		}
		if got := HashOf(run.GTIN, f[3]).String(); got != f[4] {
			t.Errorf("hash of %s is %s, want %s", f[3], got, f[4])
		}
		if got := SecondOf(secondSecret, run.GTIN, run.Number, index).String(); got != f[5] {
			t.Errorf("second code of %s is %s, want %s", f[3], got, f[5])
		}
		if parsed, err := Parse(f[3]); err != nil || parsed != serial || parsed.Run() != run.Number {
			t.Errorf("Parse(%s) = %v of run %d, %v", f[3], parsed, parsed.Run(), err)
		}
		if _, err := ParseSecond(f[5]); err != nil {
			t.Errorf("ParseSecond(%s): %v", f[5], err)
		}
	}
}

func TestPackVectors(t *testing.T) {
	headers, lines := readVectors(t, "packs.txt")
	for _, line := range lines {
		f := strings.Fields(line)
		run := Run{
			GTIN:   mustUint(t, headers["gtin"], 64),
			Number: uint16(mustUint(t, f[0], 16)),
			Count:  uint32(mustUint(t, f[1], 32)),
			Secret: Secret(mustHex(t, headers["secret"], 32)),
		}
		t.Run(fmt.Sprintf("%d codes", run.Count), func(t *testing.T) {
			issued, pack := mustIssue(t, run)
			if got := hex.EncodeToString(issued.Digest[:]); got != f[4] {
				t.Errorf("digest is %s, want %s", got, f[4])
			}
			if got := hex.EncodeToString(issued.Root[:]); got != f[5] {
				t.Errorf("root is %s, want %s", got, f[5])
			}
			for pos, want := range map[uint32]string{0: f[2], run.Count - 1: f[3]} {
				elements, err := readElements(pack.r, pos, 1)
				if err != nil || elements[0].String() != want {
					t.Errorf("element %d is %v, want %s: %v", pos, elements, want, err)
				}
			}
		})
	}
}

func TestForeignVectors(t *testing.T) {
	headers, lines := readVectors(t, "foreign.txt")
	var list strings.Builder
	var want []byte
	for _, line := range lines {
		switch kind, value, _ := strings.Cut(line, " "); kind {
		case "serial":
			list.WriteString(value + "\n")
		case "element":
			want = append(want, mustHex(t, value, elementLen)...)
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	dir := t.TempDir()
	issued, err := IssueList(t.Context(), mustUint(t, headers["gtin"], 64), strings.NewReader(list.String()), Job{Dir: dir, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(issued.Path)
	if err != nil || string(got) != string(want) {
		t.Errorf("pack is %x, want %x: %v", got, want, err)
	}
	if got := hex.EncodeToString(issued.Digest[:]); got != headers["digest"] || filepath.Base(issued.Path) != got {
		t.Errorf("digest is %s in %s, want %s", got, issued.Path, headers["digest"])
	}
	if got := hex.EncodeToString(issued.Root[:]); got != headers["root"] {
		t.Errorf("root is %s, want %s", got, headers["root"])
	}
}

// vectorInclusion reads a line of proofs.txt, nil if it is a dash.
func vectorInclusion(t *testing.T, line string) *Inclusion {
	t.Helper()
	if line == "-" {
		return nil
	}
	f := strings.Fields(line)
	p := &Inclusion{Index: mustUint(t, f[0], 64), Size: mustUint(t, f[1], 64), Element: mustElement(t, f[2])}
	for _, sibling := range f[3:] {
		p.Proof = append(p.Proof, mustHex(t, sibling, 32))
	}
	return p
}

func TestProofVectors(t *testing.T) {
	headers, lines := readVectors(t, "proofs.txt")
	gtin := mustUint(t, headers["gtin"], 64)
	root := [32]byte(mustHex(t, headers["root"], 32))
	run := Run{GTIN: gtin, Number: 1, Count: 300, Secret: Secret(mustHex(t, headers["secret"], 32))}
	prover := mustProver(t, run)

	for len(lines) > 0 {
		kind, serial, _ := strings.Cut(lines[0], " ")
		h := HashOf(gtin, serial)
		switch kind {
		case "issued":
			want := *vectorInclusion(t, lines[1])
			lines = lines[2:]
			if err := want.Verify(root, h); err != nil {
				t.Errorf("%s: %v", serial, err)
			}
			if got, err := prover.ProveInclusion(h); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("ProveInclusion(%s) = %v, want %v: %v", serial, got, want, err)
			}
			if _, err := prover.ProveAbsence(h); !errors.Is(err, ErrIssued) {
				t.Errorf("ProveAbsence(%s): %v, want %v", serial, err, ErrIssued)
			}
		case "absent":
			want := Absence{Before: vectorInclusion(t, lines[1]), After: vectorInclusion(t, lines[2])}
			lines = lines[3:]
			if err := want.Verify(root, h); err != nil {
				t.Errorf("%s: %v", serial, err)
			}
			got, err := prover.ProveAbsence(h)
			if err != nil || !sameInclusion(got.Before, want.Before) || !sameInclusion(got.After, want.After) {
				t.Errorf("ProveAbsence(%s) = %v, want %v: %v", serial, got, want, err)
			}
			if _, err := prover.ProveInclusion(h); !errors.Is(err, ErrNotIssued) {
				t.Errorf("ProveInclusion(%s): %v, want %v", serial, err, ErrNotIssued)
			}
		default:
			t.Fatalf("unknown line %q", lines[0])
		}
	}
}

func sameInclusion(a, b *Inclusion) bool {
	if a == nil || b == nil {
		return a == b
	}
	return fmt.Sprint(*a) == fmt.Sprint(*b)
}
