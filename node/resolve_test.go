package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// A linked code in every way in which people and scanners write it.
func TestResolveReadsEveryFormOfALink(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	s := n.serial(t, toner, 0, 7)
	want := trace.Code(toner, 0, 7)
	for name, uri := range map[string]string{
		"digital link":    link(toner, s),
		"other domain":    "https://id.gs1.org/01/" + toner.String() + "/21/" + s,
		"as printed":      n.codeURI(toner, s),
		"upper case":      strings.ToUpper(link(toner, s)),
		"lower case":      link(toner, strings.ToLower(s)),
		"with lot":        "https://lanzhi.example/01/" + toner.String() + "/10/B1/21/" + s,
		"GTIN-13":         "https://lanzhi.example/01/" + toner.String()[1:] + "/21/" + s,
		"element strings": "(01)" + toner.String() + "(21)" + s,
	} {
		r, err := n.resolve(context.Background(), uri, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Item != want || r.Serial != s || r.GTIN != toner || r.Run == nil {
			t.Errorf("%s: resolved to %v with serial %q, want %v with %q", name, r.Item, r.Serial, want, s)
		}
	}
}

// O, I and L are no characters of a serial, because people confuse them.
func TestResolveTakesConfusedLetters(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	tried := 0
	for index := range uint32(50) {
		s := n.serial(t, toner, 0, index)
		for _, confused := range []string{
			strings.NewReplacer("0", "O", "1", "I").Replace(s), strings.NewReplacer("0", "o", "1", "l").Replace(s),
		} {
			if confused == s {
				continue
			}
			tried++
			r, err := n.resolve(context.Background(), link(toner, confused), nil)
			if err != nil || r.Item != trace.Code(toner, 0, index) || r.Serial != s {
				t.Errorf("%s for %s: %+v, %v", confused, s, r, err)
			}
		}
	}
	if tried == 0 {
		t.Error("no serial has a character that can be confused")
	}
}

func TestResolveTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	s := n.serial(t, toner, 0, 7)
	for name, c := range map[string]struct {
		uri  string
		code string // stable code, or
		err  error
	}{
		"unknown product":   {link(foreign, s), "unknown-product", nil},
		"no item":           {"https://lanzhi.example/414/6901234000016", "not-an-item", nil},
		"GTIN check digit":  {"https://lanzhi.example/01/06901234000017/21/" + s, string(gs1.GTINCheckDigit), nil},
		"SSCC check digit":  {"https://lanzhi.example/00/106141412345678900", string(gs1.SSCCCheckDigit), nil},
		"mistyped":          {link(toner, mistyped(s)), "", code.ErrCheckCharacter},
		"two swapped":       {link(toner, swapped(t, s)), "", code.ErrCheckCharacter},
		"too short":         {link(toner, s[:12]), "", code.ErrFormat},
		"not of this world": {link(toner, "SN-12345"), "", code.ErrFormat},
	} {
		_, err := n.resolve(context.Background(), c.uri, nil)
		if c.err == nil {
			wantCode(t, err, c.code)
		} else if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
}

// Look-ups beyond what has been read, or of more than they take in, are told with
// codes of their own, once, and stay what they were for those who go on without.
func TestLookUpsThatEndAreTold(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 10)
	s := n.serial(t, toner, 0, 7)
	ahead := n.index.Applied()
	ahead[n.chain]++
	_, err := n.resolve(t.Context(), link(toner, s), ahead)
	wantCode(t, err, "not-ready")
	_, err = n.runOf(toner, 0, ahead)
	wantCode(t, err, "not-ready")
	_, err = n.products(toner, ahead)
	wantCode(t, err, "not-ready")
	tooMany := lookUpRefusal(fmt.Errorf("run: %w", index.ErrTooMany))
	wantCode(t, tooMany, "too-many-events")
	if !errors.Is(tooMany, index.ErrTooMany) || lookUpRefusal(tooMany) != tooMany {
		t.Errorf("told as %v, then as %v", tooMany, lookUpRefusal(tooMany))
	}
}

// mistyped changes one character of a serial into another one of the alphabet.
func mistyped(s string) string {
	if s[10] == 'A' {
		return s[:10] + "B" + s[11:]
	}
	return s[:10] + "A" + s[11:]
}

// swapped changes the order of two neighbours.
func swapped(t *testing.T, s string) string {
	t.Helper()
	for i := 3; i < len(s)-1; i++ {
		// Luhn modulo 32 misses the one pair of first and last digit.
		if s[i] != s[i+1] && !strings.Contains("0Z", s[i:i+1]) {
			return s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]
		}
	}
	t.Fatalf("serial %s has no two neighbours to swap", s)
	return ""
}

// A code that was never issued, and one of a run that nobody has recorded, are
// answers and not errors.
func TestAnswerAboutCodesThatAreNotThere(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 200)
	n.put(t, n.checkpoint(t))
	for name, c := range map[string]struct {
		run  uint16
		want trace.Verdict
	}{
		"never issued": {0, trace.NeverIssued},
		"unknown run":  {9, trace.Unknown},
	} {
		other := code.Run{GTIN: toner.Uint64(), Number: c.run, Count: 1, Secret: code.Secret{42}}
		uri := ""
		for _, s := range other.Serials(0, 1) {
			uri = link(toner, s.String())
		}
		a, err := n.Answer(context.Background(), uri, "")
		if err != nil || a.Verdict != c.want {
			t.Errorf("%s: %+v, %v, want %s", name, a, err, c.want)
		}
		_, err = n.resolveItem(context.Background(), uri)
		wantCode(t, err, "unknown-code")
	}
}

// A node that has the record of a run but not its pack cannot tell yet, and one
// whose pack is not what the record says can tell nothing about its codes.
func TestResolveNeedsTheRightPack(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	run := n.issue(t, toner, 200)
	s := n.serial(t, toner, 0, 7)
	pack := blobPath(n, run.Pack)
	data, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pack, pack+".away"); err != nil {
		t.Fatal(err)
	}
	n.reopen(t)
	_, err = n.resolve(context.Background(), link(toner, s), nil)
	wantCode(t, err, "not-ready")
	if err := os.Rename(pack+".away", pack); err != nil {
		t.Fatal(err)
	}
	if !issued(t, n, s) {
		t.Error("the code is not found when its pack has arrived")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	data[3] ^= 1
	if err := os.Chmod(pack, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pack, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(n.packs.blocks(run.Pack)); err != nil { // else they are believed
		t.Fatal(err)
	}
	n.open(t)
	for range 2 { // the second time it is known to be bad
		r, err := n.resolve(context.Background(), link(toner, s), nil)
		if err != nil || !r.BadPack || r.Item.Kind != 0 || r.neverIssued() {
			t.Errorf("with a damaged pack: %+v, %v", r, err)
		}
	}
}

func blobPath(n *testNode, digest ledger.Hash) string {
	name := digest.String()
	return filepath.Join(n.dir, dirBlobs, name[:2], name)
}
