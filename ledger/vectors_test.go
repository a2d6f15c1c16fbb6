package ledger_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"suyuan/ledger"
)

// The files of testdata/vectors are for other implementations. Each begins with
// a title and headers "name: value" up to an empty line; the header format says
// which bytes the file holds. Then come cases, separated by empty lines: headers,
// then hex in lines of up to 64 digits, none for no bytes. The header expect is
// ok or the code of the refusal; the other headers of a case that is ok are what
// must come out, those ending in -hex are bytes that go in besides.
// vectorgen_test.go makes the files.

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// vectorFile is one file; a header of it holds for all cases.
type vectorFile struct {
	title   string
	headers []header
	cases   []vectorCase
}

type header struct{ name, value string }

type vectorCase struct {
	headers []header
	raw     []byte
}

// get returns a header's value, "" if it is not there.
func get(list []header, name string) string {
	for _, h := range list {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

func (f *vectorFile) render() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, f.title)
	writeHeaders(&b, f.headers)
	for _, c := range f.cases {
		fmt.Fprintln(&b)
		writeHeaders(&b, c.headers)
		for line := range slices.Chunk(c.raw, 32) {
			fmt.Fprintf(&b, "%x\n", line)
		}
	}
	return b.Bytes()
}

func writeHeaders(b *bytes.Buffer, list []header) {
	for _, h := range list {
		if h.value == "" {
			continue
		}
		fmt.Fprintf(b, "%s: %s\n", h.name, h.value)
	}
}

func parseVectors(t *testing.T, data []byte) *vectorFile {
	t.Helper()
	paragraphs := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n\n")
	title, rest, _ := strings.Cut(paragraphs[0], "\n")
	f := &vectorFile{title: title, headers: parseCase(t, rest).headers}
	for _, p := range paragraphs[1:] {
		f.cases = append(f.cases, parseCase(t, p))
	}
	return f
}

func parseCase(t *testing.T, text string) (c vectorCase) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, value, ok := strings.Cut(line, ": "); ok {
			c.headers = append(c.headers, header{name, value})
			continue
		}
		b, err := hex.DecodeString(line)
		if err != nil {
			t.Fatalf("a line is neither header nor hex: %q", line)
		}
		c.raw = append(c.raw, b...)
	}
	return c
}

// outcome is what a reader of vectors compares: an error, or named values.
type outcome struct {
	err    error
	values map[string]string
}

func failed(err error) outcome { return outcome{err: err} }

func gave(pairs ...any) outcome {
	o := outcome{values: make(map[string]string)}
	for i := 0; i < len(pairs); i += 2 {
		o.values[pairs[i].(string)] = fmt.Sprint(pairs[i+1])
	}
	return o
}

// TestVectors reads every file as another implementation would.
func TestVectors(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no vectors in %s: %v", vectorDir, err)
	}
	formats := make(map[string]bool)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := parseVectors(t, data)
			format := get(f.headers, "format")
			reader := vectorReaders[format]
			if reader == nil || len(f.cases) == 0 {
				t.Fatalf("format %q is unknown, or there is no case", format)
			}
			formats[format] = true
			checkCases(t, f, reader(t, f))
		})
	}
	for format := range vectorReaders {
		if !formats[format] {
			t.Errorf("no file has the format %s", format)
		}
	}
}

func checkCases(t *testing.T, f *vectorFile, read func(vectorCase) outcome) {
	t.Helper()
	good, bad := 0, 0
	for _, c := range f.cases {
		name, expect := get(c.headers, "name"), get(c.headers, "expect")
		got := read(c)
		if expect != "ok" {
			bad++
			wantCode(t, name, got.err, ledger.Code(expect))
			continue
		}
		good++
		if got.err != nil {
			t.Errorf("%s: %v", name, got.err)
			continue
		}
		for _, h := range c.headers {
			if h.name == "name" || h.name == "expect" || strings.HasSuffix(h.name, "-hex") {
				continue
			}
			if v, ok := got.values[h.name]; !ok || v != h.value {
				t.Errorf("%s: %s is %q, want %q", name, h.name, v, h.value)
			}
		}
	}
	if good == 0 {
		t.Errorf("no case is good (%d bad)", bad)
	}
}

// vectorReaders reads the cases of each format. A reader may keep state from
// case to case.
var vectorReaders = map[string]func(*testing.T, *vectorFile) func(vectorCase) outcome{
	"record":        plain(readRecordVector),
	"disclosure":    plain(readDisclosureVector),
	"leaf":          plain(readLeafVector),
	"sidecar":       plain(readSidecarVector),
	"entry":         plain(readEntryVector),
	"frontier":      plain(readFrontierVector),
	"charter":       plain(readCharterVector),
	"network":       plain(readNetworkVector),
	"signature":     plain(readSignatureVector),
	"entry-bundle":  plain(readBundleVector),
	"subject-proof": plain(readSubjectProofVector),
	"quorum":        plain(readQuorumVector),
	"tree":          readTreeVectors,
	"checkpoint":    readCheckpointVectors,
	"cosignature":   readCosignatureVectors,
	"chain":         readChainVectors,
	"entry-proof":   readEntryProofVectors,
}

func plain(read func(c vectorCase) outcome) func(*testing.T, *vectorFile) func(vectorCase) outcome {
	return func(*testing.T, *vectorFile) func(vectorCase) outcome { return read }
}

func readRecordVector(c vectorCase) outcome {
	r, err := ledger.DecodeRecord(c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("id", ledger.Keccak(c.raw), "kind", r.KindName(), "chain", ledger.ChainName(r.Member, r.Chain), "signer", r.Signer, "at", r.At, "zone", r.Zone)
}

func readDisclosureVector(c vectorCase) outcome {
	d, err := ledger.DecodeDisclosure(c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("digest", ledger.DisclosureDigest(c.raw), "audience", d.Audience, "parties", strings.Join(d.Parties, " "), "path", d.Path)
}

func readLeafVector(c vectorCase) outcome {
	if _, err := ledger.DecodeLeaf(c.raw); err != nil {
		return failed(err)
	}
	return gave("hash", ledger.LeafHash(c.raw))
}

func readSidecarVector(c vectorCase) outcome {
	sc, err := ledger.DecodeSidecar(c.raw)
	if err != nil {
		return failed(err)
	}
	root, err := ledger.SubjectsRoot(sc.Leaves)
	if err != nil {
		return failed(err)
	}
	return gave("disclosures", len(sc.Disclosures), "leaves", len(sc.Leaves), "subjects-root", root)
}

func readEntryVector(c vectorCase) outcome {
	o, err := ledger.OpenEntry(c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("kind", o.Entry.Kind, "leaf-hash", o.Hash, "prev", o.Entry.Prev, "time", o.Entry.Time)
}

func readFrontierVector(c vectorCase) outcome {
	f, err := ledger.DecodeFrontier(c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("chains", len(f))
}

func readCharterVector(c vectorCase) outcome {
	charter, err := ledger.DecodeCharter(c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("hash", ledger.Keccak(c.raw), "version", charter.Version, "network-name", charter.Name, "quorum", charter.Quorum())
}

// readNetworkVector reads a case of several signed charters: earlier versions
// in headers, the newest as the bytes.
func readNetworkVector(c vectorCase) outcome {
	var list []*ledger.SignedCharter
	raws := [][]byte{}
	for _, h := range c.headers {
		if h.name == "before-hex" {
			raws = append(raws, must(hex.DecodeString(h.value)))
		}
	}
	for _, raw := range append(raws, c.raw) {
		s, err := ledger.DecodeSignedCharter(raw)
		if err != nil {
			return failed(err)
		}
		list = append(list, s)
	}
	net, err := ledger.VerifyNetwork(list)
	if err != nil {
		return failed(err)
	}
	return gave("network", net.ID, "version", net.Newest().Charter.Version, "hash", net.Newest().Hash)
}

func readSignatureVector(c vectorCase) outcome {
	signer, err := ledger.RecoverMessage(string(must(hex.DecodeString(get(c.headers, "message-hex")))), c.raw)
	if err != nil {
		return failed(err)
	}
	return gave("signer", signer)
}

func readBundleVector(c vectorCase) outcome {
	entries, err := ledger.SplitBundle(c.raw)
	if err != nil {
		return failed(err)
	}
	var lengths []string
	for _, e := range entries {
		lengths = append(lengths, strconv.Itoa(len(e)))
	}
	return gave("lengths", strings.Join(lengths, " "))
}

func readSubjectProofVector(c vectorCase) outcome {
	p := readSubjectProof(c)
	if err := p.Verify(must(ledger.ParseHash(get(c.headers, "root-hex")))); err != nil {
		return failed(err)
	}
	return gave()
}

func readSubjectProof(c vectorCase) *ledger.LeafProof {
	return &ledger.LeafProof{
		Leaf: c.raw, Index: number(get(c.headers, "index-hex")), Size: number(get(c.headers, "size-hex")),
		Path: hashes(get(c.headers, "path-hex")),
	}
}

// number reads a number in hex.
func number(s string) uint64 { return must(strconv.ParseUint(s, 16, 64)) }

// hashes reads hashes one after another.
func hashes(s string) (list []ledger.Hash) {
	for h := range slices.Chunk(must(hex.DecodeString(s)), 32) {
		list = append(list, ledger.Hash(h))
	}
	return list
}

func readQuorumVector(c vectorCase) outcome {
	q, f := ledger.QuorumOf(int(number(get(c.headers, "cosigners-hex"))))
	return gave("quorum", q, "faulty", f)
}

// readTreeVectors reads a case with no bytes: the tree of the first size leaves,
// leaf i being the 8 bytes of i, big-endian.
func readTreeVectors(t *testing.T, _ *vectorFile) func(vectorCase) outcome {
	g := growTree(t, 300, always)
	return func(c vectorCase) outcome {
		src, size := ledger.TileSource(g.source), number(get(c.headers, "size-hex"))
		root, err := src.RootAt(size)
		if err != nil {
			return failed(err)
		}
		values := []any{"root", root}
		if seq := get(c.headers, "leaf-hex"); seq != "" {
			values = append(values, "audit-path", concat(must(src.ProveEntry(size, number(seq)))))
		}
		if old := get(c.headers, "old-hex"); old != "" {
			values = append(values, "consistency", concat(must(src.ProveConsistency(size, number(old)))))
		}
		return gave(values...)
	}
}

func concat(list []ledger.Hash) string {
	var b strings.Builder
	for _, h := range list {
		b.WriteString(h.String())
	}
	return b.String()
}

// network reads the charters in a file's headers.
func (f *vectorFile) network(t *testing.T) *ledger.Network {
	t.Helper()
	var list []*ledger.SignedCharter
	for _, h := range f.headers {
		if h.name != "charter-hex" {
			continue
		}
		s, err := ledger.DecodeSignedCharter(must(hex.DecodeString(h.value)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	net, err := ledger.VerifyNetwork(list)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func readCheckpointVectors(t *testing.T, f *vectorFile) func(vectorCase) outcome {
	v := f.network(t).Newest().Verifiers
	return func(c vectorCase) outcome {
		cp, err := v.Open(c.raw)
		if err != nil {
			return failed(err)
		}
		return gave("chain", cp.Chain, "size", cp.Size, "root", cp.Root, "cosigners", strings.Join(cp.Cosigners, " "), "final", cp.Final)
	}
}

func readCosignatureVectors(t *testing.T, f *vectorFile) func(vectorCase) outcome {
	v := f.network(t).Newest().Verifiers
	cp, err := v.Open(must(hex.DecodeString(get(f.headers, "checkpoint-hex"))))
	if err != nil {
		t.Fatal(err)
	}
	return func(c vectorCase) outcome {
		member := string(must(hex.DecodeString(get(c.headers, "member-hex"))))
		if _, err := v.VerifyCosignature(cp, member, c.raw); err != nil {
			return failed(err)
		}
		return gave()
	}
}

// readChainVectors adds the entries that are ok to one chain; the others are
// tried where they stand in the file.
func readChainVectors(t *testing.T, f *vectorFile) func(vectorCase) outcome {
	chain, err := ledger.NewChain(f.network(t), uint32(number(get(f.headers, "chain-hex"))))
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[ledger.Hash]bool)
	return func(c vectorCase) outcome {
		o, err := ledger.OpenEntry(c.raw)
		if err != nil {
			return failed(err)
		}
		sc, err := ledger.DecodeSidecar(must(hex.DecodeString(get(c.headers, "sidecar-hex"))))
		if err != nil {
			return failed(err)
		}
		if err := chain.Check(o, sc, func(id ledger.Hash) bool { return ids[id] }); err != nil {
			return failed(err)
		}
		if o.Record != nil {
			ids[o.Record.ID] = true
		}
		if err := chain.Apply(o, sc, nil); err != nil {
			return failed(err)
		}
		return gave("size", chain.Size(), "root", must(chain.Root()))
	}
}

func readEntryProofVectors(t *testing.T, f *vectorFile) func(vectorCase) outcome {
	net := f.network(t)
	return func(c vectorCase) outcome {
		p := &ledger.EntryProof{Entry: c.raw, Proof: string(must(hex.DecodeString(get(c.headers, "tlog-proof-hex"))))}
		for _, h := range c.headers {
			switch h.name {
			case "disclosure-hex":
				p.Disclosures = append(p.Disclosures, must(hex.DecodeString(h.value)))
			case "leaf-hex":
				p.Subject = readSubjectProof(c)
				p.Subject.Leaf = must(hex.DecodeString(h.value))
			}
		}
		e, err := p.Verify(net)
		if err != nil {
			return failed(err)
		}
		return gave("chain", e.Chain, "position", e.Seq, "leaf-hash", e.Entry.Hash, "cosigners", strings.Join(e.Checkpoint.Cosigners, " "),
			"disclosures", len(e.Disclosures), "subject", hex.EncodeToString(e.Subject))
	}
}

// TestVectorsAreCurrent compares the files with what this code makes, so that
// they are neither stale nor edited by hand. With -update it writes them.
func TestVectorsAreCurrent(t *testing.T) {
	made := makeVectors(t)
	if *update {
		for name, f := range made {
			if err := os.WriteFile(filepath.Join(vectorDir, name), f.render(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	stored, err := filepath.Glob(filepath.Join(vectorDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stored {
		if made[filepath.Base(name)] == nil {
			t.Errorf("nothing makes %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		data, err := os.ReadFile(filepath.Join(vectorDir, name))
		if err != nil {
			t.Errorf("%v (go test ./ledger -run TestVectorsAreCurrent -update writes it)", err)
			continue
		}
		if !bytes.Equal(data, made[name].render()) {
			t.Errorf("%s is not what this code makes", name)
		}
	}
}
