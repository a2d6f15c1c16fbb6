package api

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func FuzzParseTile(f *testing.F) {
	for _, seed := range []string{"0/000", "entries/x001/x234/067", "7/001.p/255", "data/000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, ok := parseTile(path)
		if !ok {
			return
		}
		again := strings.TrimPrefix(tile.Path(), "tile/8/")
		if rest, isData := strings.CutPrefix(again, "data/"); isData {
			again = "entries/" + rest
		}
		if again != path || tile.N < 0 || tile.W < 1 || tile.W > 256 {
			t.Errorf("%q was read as %+v, which is written as %q", path, tile, again)
		}
		for _, size := range []uint64{0, 1, 255, 256, 1 << 40, 1<<64 - 1} {
			if covered(tile, size) && size == 0 {
				t.Errorf("%q is covered by an empty tree", path)
			}
		}
	})
}

func TestCovered(t *testing.T) {
	for _, tt := range []struct {
		tile tlog.Tile
		size uint64
		want bool
	}{
		{tlog.Tile{L: 0, N: 0, W: 1}, 1, true},
		{tlog.Tile{L: 0, N: 0, W: 2}, 1, false},
		{tlog.Tile{L: 0, N: 0, W: 256}, 256, true},
		{tlog.Tile{L: 0, N: 1, W: 1}, 256, false},
		{tlog.Tile{L: -1, N: 1, W: 1}, 257, true},
		{tlog.Tile{L: 1, N: 0, W: 1}, 255, false},
		{tlog.Tile{L: 1, N: 0, W: 1}, 256, true},
		{tlog.Tile{L: 7, N: 0, W: 255}, 1<<64 - 1, true},
		{tlog.Tile{L: 0, N: 1<<62 + 1, W: 1}, 300, false}, // N·256 is 256 modulo 2^64
	} {
		if got := covered(tt.tile, tt.size); got != tt.want {
			t.Errorf("%+v in %d: got %t, want %t", tt.tile, tt.size, got, tt.want)
		}
	}
}

func FuzzTypedCode(f *testing.F) {
	f.Add("6901234567892", "0000 G40R 40M3 0E20 9185", "")
	f.Add("", "", "(01)06901234567892(21)A(B")
	f.Add("", "", "https://x.example/01/06901234567892/21/a%2Fb?17=260131")
	f.Fuzz(func(t *testing.T, gtin, serial, pasted string) {
		if link, _, err := typedLink(typed(gtin), typed(serial)); err == nil {
			checkTarget(t, link.String())
		}
		if link, err := pastedLink(pasted); err == nil {
			link.Stem = ""
			checkTarget(t, link.String())
		}
	})
}

// checkTarget holds that a visitor is only ever sent on to a path of our own.
func checkTarget(t *testing.T, target string) {
	t.Helper()
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\r\n\\ ") {
		t.Errorf("sent on to %q", target)
	}
	if _, err := lenient.ParseTarget(target); err != nil {
		t.Errorf("sent on to %q: %v", target, err)
	}
}
