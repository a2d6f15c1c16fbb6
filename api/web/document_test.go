package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

// unpacked is an item's page as a browser that takes gzip gets it, and how many
// bytes that took.
func unpacked(t testing.TB, p *Pages, l Lang, v *Item) (string, int) {
	t.Helper()
	var packed bytes.Buffer
	if err := p.PackedItem(&packed, l, v); err != nil {
		t.Fatal(err)
	}
	n := packed.Len()
	r, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(r) // checks the sum and the length
	if err != nil || packed.Len() > 0 {
		t.Fatalf("%v, and %d bytes are left", err, packed.Len())
	}
	return string(page), n
}

// TestPackedPagesAreTheSame holds that what a browser unpacks is the page, from the
// first time to the third, and that it has become short by then.
func TestPackedPagesAreTheSame(t *testing.T) {
	p := newTestPages(t)
	for _, l := range langs {
		for _, verdict := range append(verdicts, None) {
			v := testItem(verdict)
			want, n := render(t, p, l, v), 0
			for range 3 {
				var got string
				if got, n = unpacked(t, p, l, v); got != want {
					t.Fatalf("%s %s: %s", l, verdict, firstDifference(got, want))
				}
			}
			if n > len(want)/2 {
				t.Errorf("%s %s: %d of %d bytes", l, verdict, n, len(want))
			}
		}
	}
	long := testItem(Consistent)
	long.Serial, long.Custody = strings.Repeat("Z", 200_000), "x"
	if got, _ := unpacked(t, p, En, long); got != render(t, p, En, long) {
		t.Error("a long serial is not unpacked")
	}
}

// TestNamesAreNotCompressed holds that the length of a packed page does not depend
// on what the names in it are: nobody learns one from how well it goes with others.
func TestNamesAreNotCompressed(t *testing.T) {
	p := newTestPages(t)
	lengths := make(map[int]bool)
	for _, picture := range []string{"/scan/aaaaaaaaaaaaaaaaaaaa.png", "/scan/q9Zk3_xW-7Lm2pVb8TyR.png", "/scan/06901234567892069012.png"} {
		v := testItem(Consistent)
		v.Beacon = picture
		for range 2 {
			unpacked(t, p, Zh, v)
		}
		_, n := unpacked(t, p, Zh, v)
		lengths[n] = true
	}
	if len(lengths) != 1 {
		t.Errorf("pages that differ by a name have %d lengths: %v", len(lengths), lengths)
	}
}
