package main_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	rawDamages      = 15 // of each ending
	shortRawDamages = 2
)

// TestDamagedFiles flips bits in Badger's files or cuts them short, of a node
// that was stopped and of one that was killed. The node refuses to start, or
// verify reports it, or the guard keeps the node from signing, or all that it
// had is still there. It never signs a second history.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	rnd := choices(t)
	damages := rawDamages
	if testing.Short() {
		damages = shortRawDamages
	}
	for _, end := range []struct {
		name string
		end  func(*company)
	}{{"stopped", (*company).stop}, {"killed", (*company).kill}} {
		if testing.Short() && end.name == "stopped" {
			continue // one history is enough for a quick look
		}
		t.Run(end.name, func(t *testing.T) {
			h := writeHistory(t, end.end)
			count := make(map[string]int)
			for range damages {
				c := h.copyBrand(t)
				t.Log(damageFile(t, rnd, filepath.Join(c.dir, "ledger")))
				result := h.judge(t, c)
				count[result]++
				t.Log(result)
				if err := os.RemoveAll(c.dir); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("of %d: %v", damages, count)
		})
	}
}

// judge runs verify and the node on a damaged directory and says how the damage
// showed.
func (h *history) judge(t *testing.T, c *company) string {
	t.Helper()
	// Opening lets Badger repair what it can: verify gets a copy of its own.
	checked := *c
	checked.dir = c.dir + "v"
	copyTree(t, c.dir, checked.dir)
	defer os.RemoveAll(checked.dir)
	o := checked.suyuan("verify", "--json")
	r := h.runDamaged(t, c)
	switch {
	case o.code != exitDone && o.code != exitBad && o.code != exitFailed:
		t.Errorf("verify ended with %d: %s", o.code, o.stderr)
	case r.refused:
		return "refused"
	case o.code == exitBad:
		return "reported"
	case r.quiet:
		return "not signing"
	case r.missing > 0:
		t.Errorf("the node writes, verify ends with %d, and %d records are missing", o.code, r.missing)
	case o.code == exitFailed:
		return "verify refused" // and the node has all its records
	}
	return "harmless"
}

// damageFile flips bits in one of Badger's files or cuts it short, within the
// part of it that was written, and says what it did.
func damageFile(t *testing.T, rnd *rand.Rand, dir string) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "LOCK" && written(t, path) > 0 {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no file to damage in %s: %v", dir, err)
	}
	path := files[rnd.IntN(len(files))]
	if rnd.IntN(2) == 0 { // most of what is stored stands in one file
		path = slices.MaxFunc(files, func(a, b string) int { return cmp.Compare(written(t, a), written(t, b)) })
	}
	size := written(t, path)
	at := rnd.Int64N(size)
	what := filepath.Base(path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if rnd.IntN(3) == 0 {
		if err := f.Truncate(at); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s of %d bytes cut at %d", what, size, at)
	}
	for range 1 + rnd.IntN(3) {
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1 << rnd.IntN(8)
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		what = fmt.Sprintf("%s: a bit of byte %d of %d", what, at, size)
		at = rnd.Int64N(size)
	}
	return what
}

// written is the size of a file without the zeros at its end, with which Badger
// makes room.
func written(t *testing.T, path string) int64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(bytes.TrimRight(data, "\x00")))
}
