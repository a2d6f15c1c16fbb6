package main_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
)

// A history is what the brand's node held, all of it final, when it ended: the
// directory, the guard, and, from another company's copy, what is true.
type history struct {
	*network
	records []placed
	roots   []ledger.Hash // of the brand's chain by size
	made    int           // copies so far
}

// writeHistory lets four companies work for a while and end with end.
func writeHistory(t *testing.T, end func(*company)) *history {
	t.Helper()
	h := &history{network: newNetwork(t)}
	h.start()
	h.brand.addOperator("place", "product", "inspect")
	h.wh.addOperator("place")
	h.wh.post(placeDraft("w1"))
	h.waitFinal() // so that a frontier entry comes next
	h.brand.suyuan("product", "add", "--gtin", gtin, "--name-zh", "精华水", "--name-en", "Essence").done(t)
	report := filepath.Join(h.dir, "report.txt")
	if err := os.WriteFile(report, bytes.Repeat([]byte("passed\n"), 100), 0o644); err != nil {
		t.Fatal(err)
	}
	h.brand.suyuan("record", "inspect", "--subject", gtin, "--field", "type=quality", "--field", "result=pass", "--attach", "document="+report).done(t)
	for i := range 20 {
		h.records = append(h.records, h.brand.post(placeDraft(fmt.Sprintf("b%d", i)))...)
	}
	h.waitFinal()
	end(h.brand)
	for _, c := range h.others(h.brand) {
		c.stop()
	}
	src := openSource(t, h.wh.dir)
	defer src.Close()
	size, err := src.Size(h.brand.chain)
	if err != nil {
		t.Fatal(err)
	}
	for n := range size + 1 {
		h.roots = append(h.roots, rootAt(t, src, h.brand.chain, n))
	}
	return h
}

// gtin is of the brand's prefix.
const gtin = "06901234000016"

func openSource(t *testing.T, dir string) *store.Source {
	t.Helper()
	src, err := node.OpenForVerify(dir)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func rootAt(t *testing.T, src *store.Source, chain uint32, size uint64) ledger.Hash {
	t.Helper()
	root, err := ledger.TileSource(func(id ledger.TileID, width int) ([]byte, error) { return src.Tile(chain, id, width) }).RootAt(size)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// copyBrand copies the brand's directory and guard and returns a company that
// runs on the copy, with nobody to talk to.
func (h *history) copyBrand(t *testing.T) *company {
	t.Helper()
	h.made++
	name := fmt.Sprintf("copy%d", h.made)
	c := *h.brand
	c.t, c.proc = t, nil
	c.dir, c.guard, c.logs = filepath.Join(h.dir, name), filepath.Join(h.dir, name+".guard"), filepath.Join(h.dir, name+".log")
	copyTree(t, h.brand.dir, c.dir)
	copyTree(t, h.brand.guard, c.guard)
	rewrite(t, filepath.Join(c.dir, "config.toml"), h.brand.guard, c.guard)
	return &c
}

func rewrite(t *testing.T, path, old, new string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(raw, []byte(old)) {
		t.Fatalf("%s does not name %s: %v", path, old, err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(raw, []byte(old), []byte(new)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies a file or directory and leaves the holes in Badger's files,
// the index, which is made anew, and the socket.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		switch target := filepath.Join(to, rel); {
		case err != nil:
			return err
		case d.IsDir() && rel == "index":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case d.Type().IsRegular():
			return copyFile(path, target)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	block, zero := make([]byte, 1<<18), make([]byte, 1<<18)
	for at := int64(0); ; {
		n, err := io.ReadFull(in, block)
		if !bytes.Equal(block[:n], zero[:n]) {
			if _, err := out.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return out.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
}

// A found problem, as `suyuan verify --json` prints it.
type problem struct {
	Chain    string  `json:"chain"`
	Position *uint64 `json:"position"`
	What     string  `json:"what"`
	Code     string  `json:"code"`
	Detail   string  `json:"detail"`
}

// problems are what verify found.
func (o outcome) problems(t *testing.T) []problem {
	t.Helper()
	var out struct {
		Problems []problem `json:"problems"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &out); err != nil {
		t.Fatalf("%v in %q", err, o.stdout)
	}
	return out.Problems
}

// The kinds of stored values with their key prefix, as the comment of package
// store has them, and what verify calls them.
var storedValues = []struct {
	name   string
	prefix byte
	what   string
}{
	{"layout", 'v', "layout"},
	{"charter", 'c', "charter"},
	{"entry", 'e', "entry"},
	{"sidecar", 's', "sidecar"},
	{"tile", 't', "tile"},
	{"head", 'h', "head"},
	{"rights", 'r', "rights"},
	{"record index", 'i', "record index"},
	{"frontier", 'f', "frontier"},
	{"frontier look-up", 'g', "frontier"},
	{"own checkpoint", 'l', "checkpoint"},
	{"final checkpoint", 'q', "checkpoint"},
}

// TestFlippedBitIsFound flips one bit in each kind of stored value. verify must
// end with 3 and name what is wrong and where; a node that runs on it must not
// sign a second history.
func TestFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	rnd := choices(t)
	h := writeHistory(t, (*company).stop)
	h.brand.suyuan("verify").done(t)
	for _, v := range storedValues {
		t.Run(v.name, func(t *testing.T) {
			c := h.copyBrand(t)
			key := flipStored(t, rnd, filepath.Join(c.dir, "ledger"), v.prefix)
			chain, seq := placeOf(v.prefix, key)
			list := verifyBad(t, c)
			if !slices.ContainsFunc(list, func(p problem) bool { return names(p, v.what, chain, seq) }) {
				t.Errorf("key %x: no problem names %s of chain %q, position %v: %+v", key, v.what, chain, seq, list)
			}
			if !testing.Short() {
				h.runDamaged(t, c)
			}
		})
	}
	t.Run("attachment", func(t *testing.T) {
		c := h.copyBrand(t)
		files, err := filepath.Glob(filepath.Join(c.dir, "blobs", "??", strings.Repeat("?", 64)))
		if err != nil || len(files) == 0 {
			t.Fatalf("no attachment is stored: %v", err)
		}
		flipFile(t, rnd, files[0])
		list := verifyBad(t, c)
		if !slices.ContainsFunc(list, func(p problem) bool { return strings.Contains(p.What, filepath.Base(files[0])) }) {
			t.Errorf("no problem names %s: %+v", files[0], list)
		}
	})
}

// verifyBad runs verify, which must find something.
func verifyBad(t *testing.T, c *company) []problem {
	t.Helper()
	o := c.suyuan("verify", "--json")
	o.ended(t, exitBad)
	return o.problems(t)
}

// names says whether a problem names what was damaged, in the right place.
func names(p problem, what, chain string, seq *uint64) bool {
	// Nothing tells whether the newest entry or its tile was changed.
	newest := what == "tile" && p.What == "entry" && p.Code == "bad-tree"
	if !newest && !strings.Contains(p.What+" "+p.Detail, what) || chain != "" && p.Chain != chain {
		return false
	}
	return seq == nil || p.Position != nil && *p.Position == *seq
}

// flipStored flips one bit of one value of a kind and returns its key. A record
// look-up is left to itself: where it stands follows from the value.
func flipStored(t *testing.T, rnd *rand.Rand, dir string, prefix byte) []byte {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	var keys, values [][]byte
	err = db.Update(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefix}, PrefetchValues: true, PrefetchSize: 100})
		for it.Rewind(); it.Valid(); it.Next() {
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			keys, values = append(keys, it.Item().KeyCopy(nil)), append(values, value)
		}
		it.Close()
		if len(keys) == 0 {
			return fmt.Errorf("no key begins with %c", prefix)
		}
		i := rnd.IntN(len(keys))
		keys[0] = keys[i]
		flip(t, rnd, values[i])
		return txn.Set(keys[i], values[i])
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

func flip(t *testing.T, rnd *rand.Rand, data []byte) {
	bit := rnd.IntN(len(data) * 8)
	t.Logf("bit %d of %d bytes", bit, len(data))
	data[bit/8] ^= 1 << (bit % 8)
}

func flipFile(t *testing.T, rnd *rand.Rand, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, rnd, data)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// placeOf is the chain, as it is shown, and the position in a key, where the key
// has them.
func placeOf(prefix byte, key []byte) (chain string, seq *uint64) {
	if strings.IndexByte("vci", prefix) >= 0 {
		return "", nil
	}
	number := binary.BigEndian.Uint32(key[1:])
	chain = fmt.Sprintf("%s/%d", []string{"brand", "wh", "dist", "audit"}[number-1], number)
	var at uint64
	switch prefix {
	case 'e', 's', 'f':
		at = binary.BigEndian.Uint64(key[5:])
	case 'g':
		at = ^binary.BigEndian.Uint64(key[9:])
	default:
		return chain, nil
	}
	return chain, &at
}

// A reaction is what a node does on a damaged directory.
type reaction struct {
	refused bool // it does not start, and says why
	quiet   bool // it starts, and neither writes nor signs
	missing int  // records that it does not find, although it writes
}

// runDamaged runs a node on a damaged directory and has it write a record.
// Whatever it does then, all that it has signed, before and now, must belong to
// one history.
func (h *history) runDamaged(t *testing.T, c *company) (r reaction) {
	t.Helper()
	c.launch()
	defer h.checkSigned(t, c)
	if refused := c.waitUp(); refused {
		c.proc = nil
		return reaction{refused: true}
	}
	defer c.kill()
	a, err := c.try("POST", "/api/v1/records", jsonRequest(placeDraft("after")))
	if err != nil {
		t.Fatalf("the node died of a record: %v", err)
	}
	switch {
	case a.status == http.StatusCreated:
		return reaction{missing: h.missing(t, c)}
	case a.status == http.StatusServiceUnavailable && bytes.Contains(a.body, []byte(`"not-signing"`)):
		return reaction{quiet: true}
	}
	t.Logf("the node refuses a record: %s", a.body)
	return reaction{quiet: true}
}

// waitUp waits until a node answers, ready or not, or has refused to start.
func (c *company) waitUp() (refused bool) {
	c.t.Helper()
	eventually(c.t, startWithin, func() string {
		select {
		case <-c.proc.exited:
			if code := c.proc.cmd.ProcessState.ExitCode(); code != exitFailed {
				c.t.Errorf("the node ended with exit status %d, not %d", code, exitFailed)
			}
			refused = true
			return ""
		default:
		}
		if _, err := c.try("GET", "/readyz", nil); err != nil {
			return err.Error()
		}
		return ""
	})
	return refused
}

// missing counts the records of the history that a node does not find. None may
// stand elsewhere.
func (h *history) missing(t *testing.T, c *company) (missing int) {
	t.Helper()
	for _, want := range h.records {
		a, err := c.try("GET", "/api/v1/records/"+want.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got placed
		switch a.status {
		case http.StatusInternalServerError: // it says that it cannot tell
		case http.StatusNotFound:
			missing++
		default:
			a.into(t, http.StatusOK, &got)
			if got.Seq != want.Seq || got.Hash != want.Hash {
				t.Errorf("record %s of %d is said to stand at %d", want.ID, want.Seq, got.Seq)
			}
		}
	}
	return missing
}

// checkSigned holds what the guard names as signed, and the newest checkpoint in
// the store, against the history.
func (h *history) checkSigned(t *testing.T, c *company) {
	t.Helper()
	raw, err := os.ReadFile(c.guard)
	if err != nil {
		t.Fatal(err)
	}
	var chain uint32
	var size uint64
	var root string
	if _, err := fmt.Sscanf(strings.Split(string(raw), "\n")[1], "own %d %d %s", &chain, &size, &root); err != nil {
		t.Fatalf("%v in guard %s", err, raw)
	}
	last := uint64(len(h.roots) - 1)
	if size < last {
		t.Fatalf("the guard went back from %d to %d", last, size)
	}
	if size == last {
		if root != h.roots[last].String() {
			t.Fatalf("the guard has another root for size %d", size)
		}
		return
	}
	src := openSource(t, c.dir)
	defer src.Close()
	if got := rootAt(t, src, chain, last); got != h.roots[last] {
		t.Fatalf("the node has signed size %d of a history that is another one at size %d", size, last)
	}
	if got := rootAt(t, src, chain, size); got.String() != root {
		t.Fatalf("the node has signed for size %d what it does not store", size)
	}
}
