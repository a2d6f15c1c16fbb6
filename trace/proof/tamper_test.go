package proof_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"suyuan/ledger"
	"suyuan/ledger/ledgertest"
	"suyuan/trace/proof"
)

var seed = flag.String("seed", "1", "seed of the random changes")

// clone is a deep copy.
func clone(t testing.TB, b *proof.Bundle) *proof.Bundle {
	t.Helper()
	raw, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// find returns the index of the entry that an event of the world has in b.
func (w *world) find(b *proof.Bundle, name string) int {
	pos := w.at[name]
	raw := w.builder(pos.Chain).Entries[pos.Seq]
	i := slices.IndexFunc(b.Entries, func(e ledger.EntryProof) bool { return bytes.Equal(e.Entry, raw) })
	if i < 0 {
		panic("no entry of " + name)
	}
	return i
}

func drop(i int) func(*proof.Bundle) {
	return func(b *proof.Bundle) { b.Entries = slices.Delete(b.Entries, i, i+1) }
}

// eachNote changes the lines of the checkpoints of all entries.
func eachNote(b *proof.Bundle, change func(lines []string) []string) {
	for i := range b.Entries {
		text := b.Entries[i].Proof
		note := strings.Index(text, "lanzhi-test/")
		b.Entries[i].Proof = text[:note] + strings.Join(change(strings.SplitAfter(text[note:], "\n")), "")
	}
}

func TestChangedBundleIsRefused(t *testing.T) {
	w := newWorld(t)
	whole, other, absent := build(t, w.input(sold)), build(t, w.input(moving)), build(t, w.absent(1))
	two := ledgertest.New(ledgertest.WithSeed("another network"))
	cosigner := func(line string) bool { // a log's name has the chain's number too
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		return strings.HasPrefix(line, "— ") && strings.Count(name, "/") == 2
	}
	const (
		charterEntry = 0
		grantEntry   = 1
	)

	for _, c := range []struct {
		name   string
		change func(*proof.Bundle)
		codes  []ledger.Code // any of these
	}{
		{"format", func(b *proof.Bundle) { b.Format = "suyuan-proof/2" }, []ledger.Code{proof.CodeFormat}},

		{"link of another item", func(b *proof.Bundle) { b.URI = other.URI }, []ledger.Code{proof.CodeCode}},
		{"link under another domain", func(b *proof.Bundle) {
			b.URI = strings.Replace(b.URI, "id.gs1.org", "example.com", 1)
		}, []ledger.Code{proof.CodeURI}},
		{"link in lower case", func(b *proof.Bundle) {
			b.URI = b.URI[:len(b.URI)-20] + strings.ToLower(b.URI[len(b.URI)-20:])
		}, []ledger.Code{proof.CodeCode}},
		{"link with a lot", func(b *proof.Bundle) { b.URI = strings.Replace(b.URI, "/21/", "/10/L1/21/", 1) }, []ledger.Code{proof.CodeURI}},

		{"no charter", func(b *proof.Bundle) { b.Charters = nil }, []ledger.Code{proof.CodeFormat}},
		{"charter of another network", func(b *proof.Bundle) { b.Charters = two.Signed() }, []ledger.Code{ledger.CodeNetwork}},
		{"charter body", func(b *proof.Bundle) {
			b.Charters[0].Body = bytes.Replace(b.Charters[0].Body, []byte("Lanzhi"), []byte("Langhi"), 1)
		}, []ledger.Code{ledger.CodeSigner}},
		{"charter signature", func(b *proof.Bundle) { b.Charters[0].Signatures[2].Sig[40] ^= 1 }, []ledger.Code{ledger.CodeSigner, ledger.CodeSignature}},
		{"charter not signed by all", func(b *proof.Bundle) { b.Charters[0].Signatures = b.Charters[0].Signatures[1:] }, []ledger.Code{ledger.CodeCharter}},
		{"charter twice", func(b *proof.Bundle) { b.Charters = append(b.Charters, b.Charters[0]) }, []ledger.Code{ledger.CodeCharter}},

		{"too few cosigners", func(b *proof.Bundle) {
			eachNote(b, func(lines []string) []string {
				return slices.DeleteFunc(lines, func(l string) bool { return cosigner(l) && !strings.Contains(l, "/wh ") })
			})
		}, []ledger.Code{ledger.CodeQuorum}},
		{"a cosigner made a stranger", func(b *proof.Bundle) {
			eachNote(b, func(lines []string) []string {
				for i, l := range lines {
					if cosigner(l) {
						lines[i] = strings.Replace(l, "/audit ", "/xudit ", 1)
					}
				}
				return lines
			})
		}, []ledger.Code{proof.CodeCheckpoint}},
		{"one checkpoint with fewer cosigners than the others", func(b *proof.Bundle) {
			i := strings.LastIndex(strings.TrimSuffix(b.Entries[1].Proof, "\n"), "\n")
			b.Entries[1].Proof = b.Entries[1].Proof[:i+1]
		}, []ledger.Code{proof.CodeCheckpoint}},

		{"no charter entry", drop(charterEntry), []ledger.Code{proof.CodeCharter}},
		{"no grant", drop(grantEntry), []ledger.Code{ledger.CodeNoGrant}},
		{"no product", drop(w.find(whole, "product")), []ledger.Code{proof.CodeAuthority}},
		{"no run", drop(w.find(whole, "run")), []ledger.Code{proof.CodeCode}},
		{"no packing: the pallet is not the item's", drop(w.find(whole, "load 0")), []ledger.Code{proof.CodeSubject}},
		{"an entry twice", func(b *proof.Bundle) {
			b.Entries = slices.Insert(b.Entries, grantEntry, b.Entries[grantEntry])
		}, []ledger.Code{proof.CodeFormat}},
		{"a record twice", func(b *proof.Bundle) {
			i := w.find(b, "sell")
			b.Entries = append(b.Entries, b.Entries[i])
		}, []ledger.Code{proof.CodeFormat}},
		{"entries out of order", func(b *proof.Bundle) { slices.Reverse(b.Entries) }, []ledger.Code{proof.CodeFormat}},
		{"the events of another item", func(b *proof.Bundle) { b.Entries = other.Entries }, []ledger.Code{proof.CodeSubject}},
		{"one event of another item", func(b *proof.Bundle) {
			b.Entries[w.find(b, "load 0")] = other.Entries[w.find(other, "load 2")]
		}, []ledger.Code{proof.CodeSubject}},
		{"an entry in place of another", func(b *proof.Bundle) {
			b.Entries[w.find(b, "sell")].Entry = w.dist.Entries[w.at["sell other"].Seq]
		}, []ledger.Code{ledger.CodeTree}},

		{"a disclosure of another record", func(b *proof.Bundle) {
			b.Entries[w.find(b, "ship 0")].Disclosures = b.Entries[w.find(b, "sell")].Disclosures
		}, []ledger.Code{ledger.CodeSidecar}},
		{"a field that the fold needs withheld", func(b *proof.Bundle) {
			b.Entries[w.find(b, "run")].Disclosures = nil
		}, []ledger.Code{proof.CodeEvent}},
		{"no subject", func(b *proof.Bundle) { b.Entries[w.find(b, "sell")].Subject = nil }, []ledger.Code{proof.CodeEvent}},
		{"the subject of another record", func(b *proof.Bundle) {
			b.Entries[w.find(b, "ship 0")].Subject = b.Entries[w.find(b, "sell")].Subject
		}, []ledger.Code{ledger.CodeSidecar}},
		{"the record's other subject", func(b *proof.Bundle) {
			_, sc := w.dist.Opened(w.at["sell"].Seq)
			b.Entries[w.find(b, "sell")].Subject = must(ledger.ProveLeaf(sc.Leaves, 1))
		}, []ledger.Code{proof.CodeSubject}},

		{"the code of another item", func(b *proof.Bundle) { b.Code = other.Code }, []ledger.Code{proof.CodeCode}},
		{"an issued code said to be absent", func(b *proof.Bundle) { b.Code = absent.Code }, []ledger.Code{proof.CodeCode}},
		{"no code", func(b *proof.Bundle) { b.Code = proof.Code{} }, []ledger.Code{proof.CodeFormat}},
		{"index of the code", func(b *proof.Bundle) { b.Code.Issued.Element[19] ^= 1 }, []ledger.Code{proof.CodeCode}},
		{"hash of the code", func(b *proof.Bundle) { b.Code.Issued.Element[0] ^= 1 }, []ledger.Code{proof.CodeCode}},
		{"place in the pack", func(b *proof.Bundle) { b.Code.Issued.Index ^= 1 }, []ledger.Code{proof.CodeCode}},
		{"size of the pack", func(b *proof.Bundle) { b.Code.Issued.Size-- }, []ledger.Code{proof.CodeCode}},
		{"path of the code", func(b *proof.Bundle) { b.Code.Issued.Path[3][9] ^= 1 }, []ledger.Code{proof.CodeCode}},
		{"path of the code cut", func(b *proof.Bundle) { b.Code.Issued.Path = b.Code.Issued.Path[1:] }, []ledger.Code{proof.CodeCode}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := clone(t, whole)
			c.change(b)
			_, err := b.Verify(w.Network.ID)
			if !slices.Contains(c.codes, ledger.CodeOf(err)) {
				t.Errorf("code %q, want one of %q: %v", ledger.CodeOf(err), c.codes, err)
			}
		})
	}
}

func TestChangedAbsenceIsRefused(t *testing.T) {
	w := newWorld(t)
	whole, issued := build(t, w.absent(1)), build(t, w.input(sold))
	for name, change := range map[string]func(*proof.Bundle){
		"link of an issued code": func(b *proof.Bundle) { b.URI = issued.URI },
		"one neighbour":          func(b *proof.Bundle) { b.Code.Absent.Before = nil },
		"no neighbour":           func(b *proof.Bundle) { b.Code.Absent = &proof.Absence{} },
		"neighbours that are none": func(b *proof.Bundle) {
			b.Code.Absent.Before = build(t, w.absent(2)).Code.Absent.Before
		},
		"element":        func(b *proof.Bundle) { b.Code.Absent.After.Element[5] ^= 1 },
		"size":           func(b *proof.Bundle) { b.Code.Absent.After.Size++; b.Code.Absent.Before.Size++ },
		"path":           func(b *proof.Bundle) { b.Code.Absent.Before.Path[0][0] ^= 1 },
		"said to be one": func(b *proof.Bundle) { b.Code = proof.Code{Issued: b.Code.Absent.Before} },
	} {
		t.Run(name, func(t *testing.T) {
			b := clone(t, whole)
			change(b)
			if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != proof.CodeCode {
				t.Errorf("%v", err)
			}
		})
	}
}

// A list of foreign serials may be followed by another, and who knows some of
// its serials may guess the rest: its silence proves nothing.
func TestAbsenceFromAForeignRunIsRefused(t *testing.T) {
	for _, field := range []uint64{5, 9} { // guessable, foreign
		w := emptyWorld(t)
		w.writeProduct(w.brand, w.brand.Number)
		w.writeRun(w.brand, ledgertest.Fields(map[uint64]any{
			1: w.run.GTIN, 2: w.run.Number, 3: ledger.Hash{1}, 4: w.root(), field: true,
		}))
		if _, err := proof.Build(w.absent(1)); ledger.CodeOf(err) != proof.CodeCode {
			t.Errorf("field %d: %v", field, err)
		}
	}
}

// TestEveryByteOfARecordCounts flips one bit in every fourth byte of what is
// shown of one record; the seed says which. The bundle has just what that record needs, so that without a
// change it is refused for the missing run, after all entries have been opened.
func TestEveryByteOfARecordCounts(t *testing.T) {
	w := newWorld(t)
	b := build(t, w.input(moving))
	b.Entries = append(b.Entries[:2:2], b.Entries[w.find(b, "activate")])
	e := &b.Entries[2]
	if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != proof.CodeCode {
		t.Fatal(err)
	}
	refused := func(what string, i int) {
		t.Helper()
		if _, err := b.Verify(w.Network.ID); err == nil || ledger.CodeOf(err) == proof.CodeCode {
			t.Fatalf("seed %s: byte %d of the %s can be changed", *seed, i, what)
		}
	}
	rnd := ledgertest.Rand("bytes " + *seed)
	sweep := func(what string, raw []byte) {
		t.Helper()
		for i := rnd.IntN(4); i < len(raw); i += 4 {
			bit := byte(1) << rnd.IntN(8)
			raw[i] ^= bit
			refused(what, i)
			raw[i] ^= bit
		}
	}
	sweep("entry", e.Entry)
	for _, d := range e.Disclosures {
		sweep("disclosure", d)
	}
	sweep("leaf", e.Subject.Leaf)
	for i := range e.Subject.Path {
		sweep("path of the leaf", e.Subject.Path[i][:])
	}
	text := []byte(e.Proof)
	for i := rnd.IntN(4); i < len(text); i += 4 {
		bit := byte(1) << rnd.IntN(7)
		text[i] ^= bit
		e.Proof = string(text)
		refused("proof", i)
		text[i] ^= bit
	}
}

// TestEveryByteOfABundleCounts changes bytes of the encoded bundle at random.
// Either the bundle is refused or nothing that it proves changes.
func TestEveryByteOfABundleCounts(t *testing.T) {
	w := newWorld(t)
	rnd := ledgertest.Rand("changes " + *seed)
	for _, in := range []proof.Input{w.input(sold), w.absent(1)} {
		b := build(t, in)
		raw, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want := marshal(t, must(b.Verify(w.Network.ID)))
		passed := 0
		for range 150 {
			at := rnd.IntN(len(raw))
			changed := slices.Clone(raw)
			changed[at] = nextOf(raw[at], rnd.IntN(64))
			c, err := proof.Decode(bytes.NewReader(changed))
			if err != nil {
				continue
			}
			r, err := c.Verify(w.Network.ID)
			if err != nil {
				continue
			}
			passed++
			if got := marshal(t, r); !bytes.Equal(got, want) {
				t.Fatalf("seed %s: byte %d from %q to %q changes the result to\n%s", *seed, at, raw[at], changed[at], got)
			}
		}
		if passed > 5 {
			t.Errorf("seed %s: %d changed bundles pass", *seed, passed)
		}
	}
}

// nextOf is another byte of the same sort, so that the change is not merely one
// of form.
func nextOf(c byte, n int) byte {
	for _, alphabet := range []string{"0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/"} {
		if i := strings.IndexByte(alphabet, c); i >= 0 {
			return alphabet[(i+1+n%(len(alphabet)-1))%len(alphabet)]
		}
	}
	return c ^ byte(1+n)
}

func TestDecodeIsStrict(t *testing.T) {
	w := newWorld(t)
	raw, err := build(t, w.input(held)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	replaced := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the bundle has no %s", old)
		}
		return strings.Replace(text, old, new, 1)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		code       ledger.Code
	}{
		{"as written", text, ""},
		{"indented", indented.String() + "\n", ""},
		{"nothing", "", proof.CodeFormat},
		{"no object", "[]", proof.CodeFormat},
		{"cut off", text[:len(text)-1], proof.CodeFormat},
		{"something after it", text + "{}", proof.CodeFormat},
		{"an unknown member", replaced(`"uri":`, `"url":"x","uri":`), proof.CodeFormat},
		{"a member twice", replaced(`"uri":`, `"uri":"x","uri":`), proof.CodeFormat},
		{"a member in upper case", replaced(`"uri":`, `"URI":`), proof.CodeFormat},
		{"an escape that is not needed", replaced(`suyuan-proof/1`, `suyuan-proof\/1`), proof.CodeFormat},
		{"a name in the charter's view", replaced(`"name_en":"Lanzhi"`, `"name_en":"Langhi"`), proof.CodeFormat},
		{"hex in upper case", replaced(`"element":"`, `"element":"A`)[:len(text)], proof.CodeFormat},
		{"a null charter", replaced(`"charters":[`, `"charters":[null,`), proof.CodeFormat},
		{"a null entry", replaced(`"entries":[`, `"entries":[null,`), proof.CodeFormat},
		{"an empty list of disclosures", replaced(`"proof":`, `"disclosures":[],"proof":`), proof.CodeFormat},
		{"a number as a fraction", replaced(`"size":300`, `"size":300.0`), proof.CodeFormat},
		{"both issued and absent", replaced(`"code":{`, `"code":{"absent":{},`), proof.CodeFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := proof.Decode(strings.NewReader(c.text))
			if got := ledger.CodeOf(err); got != c.code {
				t.Fatalf("code %q, want %q: %v", got, c.code, err)
			}
			if err != nil {
				return
			}
			if again, err := b.Encode(); err != nil || string(again) != text {
				t.Errorf("decoded and encoded it differs: %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	whole := build(t, w.input(held))
	if _, err := proof.Decode(bytes.NewReader(bytes.Repeat([]byte(" "), proof.MaxBytes+1))); ledger.CodeOf(err) != ledger.CodeTooLarge {
		t.Errorf("too many bytes: %v", err)
	}
	for name, change := range map[string]func(*proof.Bundle){
		"entries":  func(b *proof.Bundle) { b.Entries = make([]ledger.EntryProof, proof.MaxEntries+1) },
		"charters": func(b *proof.Bundle) { b.Charters = make([]*ledger.SignedCharter, proof.MaxCharters+1) },
		"path":     func(b *proof.Bundle) { b.Code.Issued.Path = make([]ledger.Hash, 25) },
	} {
		b := clone(t, whole)
		change(b)
		if _, err := b.Verify(w.Network.ID); ledger.CodeOf(err) != proof.CodeFormat {
			t.Errorf("too many %s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	net := ledgertest.New(ledgertest.WithMembers(1))
	charter, err := json.Marshal(net.Signed()[0])
	if err != nil {
		f.Fatal(err)
	}
	b := net.NewChain("m001")
	for _, code := range []string{
		`{"issued":{"index":0,"size":1,"element":"` + strings.Repeat("00", 20) + `","path":[]}}`,
		`{"absent":{}}`,
	} {
		f.Add(fmt.Appendf(nil, `{"format":"suyuan-proof/1","uri":"https://id.gs1.org/01/06901234567892/21/A","charters":[%s],"entries":[{"entry":"%s","proof":""}],"code":%s}`,
			charter, base64.StdEncoding.EncodeToString(b.Entries[0]), code))
	}
	f.Add([]byte(`{"format":"suyuan-proof/1","uri":"","charters":[null],"entries":[{}],"code":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := proof.Decode(bytes.NewReader(raw))
		if err != nil {
			return
		}
		again, err := b.Encode()
		if err != nil {
			t.Fatalf("decoded and cannot be encoded: %v", err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil || !bytes.Equal(compact.Bytes(), again) {
			t.Fatalf("decoded and encoded differently: %v", err)
		}
		if _, err := b.Verify(ledger.Hash{}); err == nil {
			t.Fatal("a made-up bundle verifies")
		}
	})
}
