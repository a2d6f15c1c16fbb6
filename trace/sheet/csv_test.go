package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// places is a file of two places, with a character beyond the basic plane.
const places = "地点编号,地点类型,国家,名称（中文）\r\nhz-1,仓库,CN,杭州𠮷仓€\r\nhz-2,门店,CN,二店\r\n"

func encoded(t testing.TB, e encoding.Encoding, s string) []byte {
	t.Helper()
	out, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEncodingsSayTheSame(t *testing.T) {
	want := drafts(parseCSV(t, "place", places))
	if !strings.Contains(want, "杭州𠮷仓€") {
		t.Fatal(want)
	}
	tabs := strings.ReplaceAll(places, ",", "\t")
	for name, data := range map[string][]byte{
		"utf-8":     []byte(places),
		"utf-8-bom": []byte(bom + places),
		"gb18030":   encoded(t, simplifiedchinese.GB18030, places),
		"utf-16le":  encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), tabs),
		"utf-16be":  encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), tabs),
	} {
		table, err := Read(data, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, err := Parse(table, Options{Kind: "place", Zone: shanghai})
		if err != nil || table.Encoding != name || drafts(r) != want {
			t.Errorf("%s, read as %s: %v\n%s", name, table.Encoding, err, drafts(r))
		}
	}
}

func TestDelimitersSayTheSame(t *testing.T) {
	want := drafts(parseCSV(t, "place", places))
	for _, comma := range []string{";", "\t", "|"} {
		text := strings.ReplaceAll(places, ",", comma)
		for _, text := range []string{text, strings.ReplaceAll(text, "\r\n", "\n"), strings.ReplaceAll(text, "\r\n", "\r")} {
			if got := drafts(parseCSV(t, "place", text)); got != want {
				t.Errorf("%q:\n%s", text, got)
			}
		}
	}
	said := "sep=;\r\n" + strings.ReplaceAll(places, ",", ";")
	if got := drafts(parseCSV(t, "place", said)); got != want {
		t.Errorf("with a separator line:\n%s", got)
	}
}

func TestUnreadableFiles(t *testing.T) {
	huge := strings.Repeat("x", MaxFileBytes+1)
	for name, c := range map[string]struct {
		data string
		code string
	}{
		"no encoding":      {"\x81\x20\xff\xff,a\n", CodeBadEncoding},
		"bad after bom":    {bom + "a\xff\n", CodeBadEncoding},
		"odd utf-16":       {"\xff\xfea", CodeBadEncoding},
		"null characters":  {"a\x00b\n", CodeBadFile},
		"a web page":       {"\n <HTML><table>", CodeBadFile},
		"an xml":           {bom + "<?xml version='1.0'?>", CodeBadFile},
		"an old workbook":  {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", CodeOldWorkbook},
		"a zip that is no": {"PK\x03\x04rest", CodeBadFile},
		"too large":        {huge, CodeTooLarge},
		"too many columns": {strings.Repeat(",", maxColumns) + "x\n", CodeTooLarge},
	} {
		_, err := Read([]byte(c.data), "")
		var bad *FileError
		if !errors.As(err, &bad) || bad.Code != c.code || bad.Zh == "" || bad.Error() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rows have the numbers that a spreadsheet shows: empty ones count, line breaks
// within a cell do not. A broken row does not take others with it.
func TestRowNumbers(t *testing.T) {
	text := "a,b\n\n\"x\ny\nz\",1\n,\nq\"uote,2\np,3\n\"open,4\n\n"
	table, err := Read([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range table.Rows {
		line := fmt.Sprint(r.Number)
		if r.fault != nil {
			line += " " + r.fault.code
		}
		got = append(got, line)
	}
	want := []string{"1", "3", "5 bad-csv", "6", "7 bad-csv"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestHugeCellIsOneBadRow(t *testing.T) {
	text := "地点编号,地点类型,国家,地址\nhz-1,仓库,CN," + strings.Repeat("长", maxCell) + "\nhz-2,仓库,CN," + strings.Repeat("长", 1000) + "\nhz-3,仓库,CN,短\n"
	r := parseCSV(t, "place", text)
	if got := faults(r.Problems); got != "2 cell-too-long, D3 cell-too-long" || len(r.Records) != 1 {
		t.Errorf("%s, %d records", got, len(r.Records))
	}
}

func TestGuard(t *testing.T) {
	for _, s := range []string{"=1+1", "+86", "-5", "@x", "'", "''", "plain", "", "'quoted", "\tx"} {
		if got := unguard(guard(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	if got := unguard(`="0012"`); got != "0012" {
		t.Error(got)
	}
}

// FuzzCSV holds that no bytes crash, that rows ascend, and that every problem
// has a place in the file and both languages.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(places), "place")
	f.Add(encoded(f, simplifiedchinese.GB18030, places), "")
	f.Add([]byte("类型,单号,时间,GTIN,起始序号\nship,1,2026-03-01,06901234567892,1E5\n\"x"), "")
	f.Add([]byte("sep=;\n#;unit;per unit\n;a;b\n"), "pack")
	f.Add([]byte("\xff\xfea\x00,\x00"), "sell")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		if bytes.HasPrefix(data, []byte("PK")) {
			t.Skip("workbooks have their own target")
		}
		checkAny(t, data, kind)
	})
}

// checkAny reads bytes and holds what is true of every file.
func checkAny(t *testing.T, data []byte, kind string) {
	table, err := Read(data, "")
	var bad *FileError
	if err != nil {
		if !errors.As(err, &bad) {
			t.Fatalf("not a FileError: %v", err)
		}
		return
	}
	for i := range table.Rows {
		if i > 0 && table.Rows[i].Number <= table.Rows[i-1].Number {
			t.Fatalf("row %d follows row %d", table.Rows[i].Number, table.Rows[i-1].Number)
		}
	}
	r, err := Parse(table, Options{Kind: kind, Zone: shanghai})
	if err != nil {
		if !errors.As(err, &bad) {
			t.Fatalf("not a FileError: %v", err)
		}
		return
	}
	for _, p := range r.Problems {
		if r.rows[p.Row] == nil || p.Zh == "" || p.En == "" || p.Code == "" {
			t.Fatalf("problem without a place or a text: %+v", p)
		}
	}
	rows := BadRows(r.Problems)
	for _, rec := range r.Records {
		rows += len(rec.Rows)
	}
	if rows != r.Rows {
		t.Fatalf("%d rows have a record or a problem, of %d", rows, r.Rows)
	}
	if err := WriteReport(&bytes.Buffer{}, r, r.Problems); err != nil {
		t.Fatal(err)
	}
}
