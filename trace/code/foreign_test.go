package code

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// issueList issues a list into a directory of the test, which must be empty
// again if that fails.
func issueList(t *testing.T, list string) (Issued, error) {
	t.Helper()
	dir := t.TempDir()
	issued, err := IssueList(t.Context(), testRun.GTIN, strings.NewReader(list), Job{Dir: dir, TempDir: dir})
	left, dirErr := os.ReadDir(dir)
	if dirErr != nil || err != nil && len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, dirErr)
	}
	return issued, err
}

func TestIssueListKeepsSerialsAsTheyAre(t *testing.T) {
	for name, list := range map[string]string{
		"plain":           "ab\nAB\n001\n1",
		"line feed last":  "ab\nAB\n001\n1\n",
		"carriage return": "ab\r\nAB\r\n001\r\n1\r\n",
		"byte order mark": "\uFEFFab\nAB\n001\n1\n",
		"empty lines":     "ab\nAB\n001\n1\n\n\r\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			issued, err := issueList(t, list)
			if err != nil || issued.Count != 4 {
				t.Fatalf("issued %d: %v", issued.Count, err)
			}
			pack, err := Open(issued.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer pack.Close()
			if _, err := pack.Check(t.Context(), issued.Root, 4); err != nil {
				t.Error(err)
			}
			for want, serial := range []string{"ab", "AB", "001", "1"} {
				if index, found, err := pack.Lookup(HashOf(testRun.GTIN, serial)); int(index) != want || !found || err != nil {
					t.Errorf("Lookup(%s) = %d, %v, %v, want %d", serial, index, found, err, want)
				}
			}
		})
	}
}

func TestIssueListNamesTheLine(t *testing.T) {
	many := strings.Repeat("x\n", 3)
	var counted strings.Builder
	for i := range 20_000 {
		fmt.Fprintln(&counted, i)
	}
	for name, test := range map[string]struct {
		list string
		want ListError
	}{
		"too long":        {"ok\n" + strings.Repeat("x", 21), ListError{2, 0, ErrSerial}},
		"far too long":    {"ok\nok2\n" + strings.Repeat("x", 1<<20), ListError{3, 0, ErrSerial}},
		"space":           {"a b\n", ListError{1, 0, ErrSerial}},
		"character":       {"a\nb\nc#\n", ListError{3, 0, ErrSerial}},
		"chinese":         {"序列号\n", ListError{1, 0, ErrSerial}},
		"late mark":       {"a\n\uFEFFb\n", ListError{2, 0, ErrSerial}},
		"empty line":      {"a\n\nb\n", ListError{2, 0, ErrSerial}},
		"empty at first":  {"\na\n", ListError{1, 0, ErrSerial}},
		"twice":           {"a\nb\na\n", ListError{3, 1, ErrDuplicate}},
		"three times":     {many, ListError{2, 1, ErrDuplicate}},
		"twice, far away": {counted.String() + "17\n", ListError{20_001, 18, ErrDuplicate}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := issueList(t, test.list)
			var got *ListError
			if !errors.As(err, &got) || *got != test.want || !errors.Is(err, test.want.Err) {
				t.Errorf("got %v, want %v", err, &test.want)
			}
		})
	}
}

func TestIssueListRefuses(t *testing.T) {
	for _, list := range []string{"", "\n\n", "\uFEFF"} {
		if _, err := issueList(t, list); !errors.Is(err, ErrRun) {
			t.Errorf("list %q: %v, want %v", list, err, ErrRun)
		}
	}
	dir := t.TempDir()
	if _, err := IssueList(t.Context(), 0, strings.NewReader("a"), Job{Dir: dir, TempDir: dir}); !errors.Is(err, ErrRun) {
		t.Errorf("no GTIN: %v, want %v", err, ErrRun)
	}
	broken := io.MultiReader(strings.NewReader("a\n"), failingReader{})
	if _, err := IssueList(t.Context(), 1, broken, Job{Dir: dir, TempDir: dir}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("broken list: %v, want %v", err, io.ErrClosedPipe)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := IssueList(ctx, 1, strings.NewReader("a\n"), Job{Dir: dir, TempDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v, want %v", err, context.Canceled)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// FuzzIssueList holds that a list that is accepted has a good pack with
// exactly its lines, and that one that is refused says where.
func FuzzIssueList(f *testing.F) {
	f.Add([]byte("a\nb\n"))
	f.Add([]byte("\xef\xbb\xbfa\r\n\n"))
	f.Fuzz(func(t *testing.T, list []byte) {
		lines := newLineReader(bytes.NewReader(list))
		var serials []string
		for lines.next() {
			serials = append(serials, lines.serial)
			if err := CheckSerial(lines.serial); err != nil {
				t.Errorf("%q: %v", lines.serial, err)
			}
		}
		var refused *ListError
		if lines.err != nil {
			if !errors.As(lines.err, &refused) || refused.Line < 1 || refused.Line > bytes.Count(list, []byte("\n"))+1 {
				t.Errorf("refused with %v", lines.err)
			}
			return
		}
		text := strings.TrimPrefix(string(list), "\uFEFF")
		text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\r\n")
		if want := strings.Split(text, "\n"); len(serials) > 0 && !slices.Equal(serials, want) {
			t.Errorf("read %q, want %q", serials, want)
		}
	})
}

// Shared finds a code that two packs have in common, whichever of the two is the
// larger one, and none where there is none.
func TestShared(t *testing.T) {
	const gtin = 6901234567892
	pack := func(serials ...string) *Pack {
		dir := t.TempDir()
		issued, err := IssueList(t.Context(), gtin, strings.NewReader(strings.Join(serials, "\n")), Job{Dir: dir, TempDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Open(issued.Path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	numbered := func(prefix string, n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%s%06d", prefix, i)
		}
		return list
	}
	large, other := numbered("A", 40_000), numbered("B", 40_000)
	for _, c := range []struct {
		name string
		a, b []string
		want string // shared serial, or ""
	}{
		{"alike", numbered("C", 3), numbered("C", 3), "any"},
		{"one size, none", large, other, ""},
		{"one size, one", append(other, "A017000"), large, "A017000"},
		{"one size, at the end", append(numbered("B", 39_999), large[39_999]), large, large[39_999]},
		{"small in large", []string{"X", large[7], "Y"}, large, large[7]},
		{"small beside large", numbered("Z", 9), large, ""},
		{"large with small", large, []string{"X", large[7]}, large[7]},
		{"single", []string{"X"}, []string{"X"}, "X"},
	} {
		e, found, err := Shared(t.Context(), pack(c.a...), pack(c.b...))
		switch {
		case err != nil || found != (c.want != ""):
			t.Errorf("%s: found %v, %v", c.name, found, err)
		case found && c.want != "any" && (e.Hash() != HashOf(gtin, c.want) || c.a[e.Index()] != c.want):
			t.Errorf("%s: element %v is not of %s", c.name, e, c.want)
		}
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Shared(stopped, pack("X"), pack("Y")); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRunNumber(t *testing.T) {
	good := Run{GTIN: 6901234567892, Number: 37, Count: 1, Secret: NewSecret()}.Serial(0).String()
	typo := good[:19] + string(alphabet[(digits[good[19]]+1)&31])
	for text, want := range map[string]int{good: 37, strings.ToLower(good): 37, typo: 37, good[:19]: -1, "SN-12345678901234567": -1, "": -1} {
		if n, ok := RunNumber(text); ok != (want >= 0) || ok && int(n) != want {
			t.Errorf("run of %q: %d, %v; want %d", text, n, ok, want)
		}
	}
}
