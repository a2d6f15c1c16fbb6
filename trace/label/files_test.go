package label

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var testRows = []Row{
	{Serial: "001J6MYVADGTJET78GTM", URI: ourURI, Index: 0, Unit: "106141412345678908", Second: "7K2M9QX4TR"},
	{Serial: `=1+"2",3`, URI: "HTTPS://EXAMPLE.COM/01/06901234567892/21/%3D1%2B%222%22%2C3", Index: 9999999},
}

func TestCSVBytes(t *testing.T) {
	for name, test := range map[string]struct {
		unit   bool
		second bool
		rows   []Row
		want   string
	}{
		"no rows": {false, false, nil, "\uFEFFserial,uri,index\r\n"},
		"rows": {false, false, testRows, "\uFEFFserial,uri,index\r\n" +
			"001J6MYVADGTJET78GTM," + ourURI + ",0\r\n" +
			`"=1+""2"",3",HTTPS://EXAMPLE.COM/01/06901234567892/21/%3D1%2B%222%22%2C3,9999999` + "\r\n"},
		"units": {true, false, testRows, "\uFEFFserial,uri,index,unit\r\n" +
			"001J6MYVADGTJET78GTM," + ourURI + ",0,106141412345678908\r\n" +
			`"=1+""2"",3",HTTPS://EXAMPLE.COM/01/06901234567892/21/%3D1%2B%222%22%2C3,9999999,` + "\r\n"},
		"second codes": {true, true, testRows[:1], "\uFEFFserial,uri,index,unit,second\r\n" +
			"001J6MYVADGTJET78GTM," + ourURI + ",0,106141412345678908,7K2M9QX4TR\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewCSV(&out, test.unit, test.second)
			for _, row := range test.rows {
				if err := w.Write(row); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil || out.String() != test.want {
				t.Errorf("got %q, %v, want %q", out.String(), err, test.want)
			}
		})
	}
}

// fullWriter fails after some bytes, as a full disk does.
type fullWriter struct{ room int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestCSVTellsOfAFullDisk(t *testing.T) {
	for _, room := range []int{0, 10, 5000} {
		w := NewCSV(&fullWriter{room}, false, false)
		var err error
		for range 200 {
			err = errors.Join(err, w.Write(testRows[0]))
		}
		if err = errors.Join(err, w.Flush()); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("room for %d: %v, want %v", room, err, io.ErrShortWrite)
		}
	}
}

func TestWriteFilesScanBack(t *testing.T) {
	dir := t.TempDir()
	n, err := WriteFiles(t.Context(), dir, "png", slices.Values(testRows), DrawPNG(4, QuietZone))
	if n != 2 || err != nil {
		t.Fatalf("wrote %d: %v", n, err)
	}
	for i, name := range []string{"00000000-001J6MYVADGTJET78GTM.png", "09999999-123.png"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := scan(t, img); got != testRows[i].URI || err != nil {
			t.Errorf("%s is read as %q, %v, want %q", name, got, err, testRows[i].URI)
		}
	}
}

func TestWriteFilesPutsSerialsBelowSVGs(t *testing.T) {
	for text, want := range map[string]string{"": "001J 6MYV ADGT JET7 8GTM", "Lanzhi": "Lanzhi"} {
		dir := t.TempDir()
		if _, err := WriteFiles(t.Context(), dir, "svg", slices.Values(testRows[:1]), DrawSVG(SVGStyle{Text: text})); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "00000000-001J6MYVADGTJET78GTM.svg"))
		if err != nil || !strings.Contains(string(raw), ">"+want+"</text>") || !strings.Contains(string(raw), ">7K2M9 QX4TR</text>") {
			t.Errorf("%s: %v, lacks %s or the second code", raw, err, want)
		}
	}
}

func TestWriteFilesStops(t *testing.T) {
	endless := iter.Seq[Row](func(yield func(Row) bool) {
		for i := uint32(0); yield(Row{Serial: "x", URI: "X", Index: i}); i++ {
		}
	})
	written := errors.New("written")
	failing := func(*Symbol, Row) ([]byte, error) { return nil, written }
	if n, err := WriteFiles(t.Context(), t.TempDir(), "svg", endless, failing); n != 0 || !errors.Is(err, written) {
		t.Errorf("failing drawing: %d, %v, want %v", n, err, written)
	}
	bad := []Row{{URI: "not a URI"}}
	if n, err := WriteFiles(t.Context(), t.TempDir(), "svg", slices.Values(bad), failing); n != 0 || !errors.Is(err, ErrURI) {
		t.Errorf("bad URI: %d, %v, want %v", n, err, ErrURI)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if n, err := WriteFiles(t.Context(), missing, "svg", endless, DrawSVG(SVGStyle{})); n != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing directory: %d, %v, want %v", n, err, os.ErrNotExist)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := WriteFiles(ctx, t.TempDir(), "svg", endless, DrawSVG(SVGStyle{})); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %d, %v, want %v", n, err, context.Canceled)
	}
}
