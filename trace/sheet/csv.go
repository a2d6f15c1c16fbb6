package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// readCSV reads a CSV file. Rows that are no CSV are kept with their fault, so
// that the others are not lost.
func readCSV(data []byte) (*Table, error) {
	text, name, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, fileError(CodeBadFile, errors.New("it has null characters"))
	}
	if !bytes.Contains(text, []byte("\n")) {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n")) // as Macintosh programs wrote
	}
	t := &Table{Format: CSV, Encoding: name}
	before := 0 // lines that are no rows
	if comma, rest, ok := cutSeparatorLine(text); ok {
		t.Comma, text, before = comma, rest, -1
	} else {
		t.Comma = sniffComma(text)
	}
	return t, t.readRecords(text, before)
}

// readRecords reads rows. A line break within a cell starts no row for a
// spreadsheet; inner counts them.
func (t *Table) readRecords(text []byte, inner int) error {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = t.Comma
	r.FieldsPerRecord = -1
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			row := Row{Number: bad.StartLine - inner, fault: wrong(CodeBadCSV, bad.Err)}
			inner += bad.Line - bad.StartLine
			if err := t.add(row); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("read CSV: %w", err)
		}
		line, _ := r.FieldPos(0)
		row := Row{Number: line - inner, Cells: make([]Cell, len(cells))}
		for i, c := range cells {
			row.Cells[i].Text = unguard(c)
			inner += strings.Count(c, "\n")
		}
		if err := t.add(row); err != nil {
			return err
		}
	}
}

// decodeText turns a file into UTF-8 and says what it was.
func decodeText(data []byte) (text []byte, name string, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data, name = data[3:], "utf-8-bom"
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return decodeAs(data, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), "utf-16le")
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return decodeAs(data, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM), "utf-16be")
	}
	if utf8.Valid(data) {
		if name == "" {
			name = "utf-8"
		}
		return data, name, nil
	}
	if name != "" {
		return nil, "", fileError(CodeBadEncoding, nil)
	}
	return decodeAs(data, simplifiedchinese.GB18030, "gb18030")
}

// decodeAs refuses what has no meaning in the encoding: the decoder puts
// U+FFFD there.
func decodeAs(data []byte, e encoding.Encoding, name string) ([]byte, string, error) {
	text, err := e.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, "", fileError(CodeBadEncoding, err)
	}
	return text, name, nil
}

// commas are the delimiters, the likeliest first.
const commas = ",\t;|"

// cutSeparatorLine cuts off a first line such as "sep=;", which tells Excel the
// delimiter and is no row.
func cutSeparatorLine(text []byte) (comma rune, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) && strings.IndexByte(commas, line[4]) >= 0 {
		return rune(line[4]), rest, true
	}
	return 0, nil, false
}

// sniffComma returns the delimiter that the first line with any has most of,
// outside quotes.
func sniffComma(text []byte) rune {
	best, most := ',', 0
	counts := make(map[rune]int)
	quoted := false
	for _, r := range string(text[:min(len(text), 1<<16)]) {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\n' && !quoted:
			for _, c := range commas {
				if counts[c] > most {
					best, most = c, counts[c]
				}
			}
			if most > 0 {
				return best
			}
		case !quoted:
			counts[r]++
		}
	}
	for _, c := range commas {
		if counts[c] > most {
			best, most = c, counts[c]
		}
	}
	return best
}

// formulaStarts are the characters with which a spreadsheet takes a cell of a
// CSV file for a formula.
const formulaStarts = "=+-@\t\r"

// guard puts an apostrophe before what a spreadsheet would take for a formula.
func guard(s string) string {
	if s != "" && strings.IndexByte(formulaStarts, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// unguard undoes guard, and takes the text out of ="...", which people write to
// have a spreadsheet keep digits as they are.
func unguard(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte(formulaStarts, s[1]) >= 0 {
		return s[1:]
	}
	if inner, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(inner, `"`) {
		return strings.TrimSuffix(inner, `"`)
	}
	return s
}
