package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// readWorkbook reads one sheet of a workbook. Values come from excelize, which
// does not tell of what type a cell is and stops without a word at XML that is
// broken; so the sheet's XML is read beside it, for the types and for faults.
func readWorkbook(data []byte, sheet string) (*Table, error) {
	if err := checkZip(data); err != nil {
		return nil, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped,
	})
	if err != nil {
		return nil, fileError(CodeBadFile, err)
	}
	defer f.Close() // holds no file: nothing was unpacked to disk
	name, err := pickSheet(f, sheet)
	if err != nil {
		return nil, err
	}
	t := &Table{Format: XLSX, Sheet: name}
	if props, err := f.GetWorkbookProps(); err == nil && props.Date1904 != nil {
		t.Date1904 = *props.Date1904
	}
	raw, err := sheetXML(f, name)
	if err != nil {
		return nil, fileError(CodeBadFile, err)
	}
	if err := t.readSheet(f, raw); err != nil {
		var known *FileError
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, fileError(CodeBadFile, err)
	}
	return t, t.fillMerged(raw)
}

// checkZip refuses zip files that unpack to far more than they are, and those
// whose parts do not have their checksums, which excelize does not look at.
func checkZip(data []byte) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fileError(CodeBadFile, err)
	}
	if len(z.File) > maxParts {
		return fileError(CodeTooLarge, nil, len(z.File), "parts", maxParts)
	}
	limit := uint64(min(maxUnzipped, max(freeUnzipped, maxRatio*len(data))))
	var sum uint64
	for _, part := range z.File {
		size := part.UncompressedSize64
		if size > limit || sum+size > limit {
			return fileError(CodeTooLarge, nil, sum+min(size, limit+1), "bytes", limit)
		}
		sum += size
	}
	for _, part := range z.File {
		if err := checkPart(part); err != nil {
			return fileError(CodeBadFile, fmt.Errorf("%s: %w", shown(part.Name), err))
		}
	}
	return nil
}

// checkPart reads a part to its end, where archive/zip compares size and
// checksum.
func checkPart(part *zip.File) error {
	r, err := part.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func pickSheet(f *excelize.File, want string) (string, error) {
	list := f.GetSheetList()
	for _, name := range list {
		if want == "" || strings.EqualFold(name, want) {
			return name, nil
		}
	}
	return "", fileError(CodeNoSheet, nil, want, strings.Join(list, ", "))
}

// sheetXML returns the XML of a sheet.
func sheetXML(f *excelize.File, name string) ([]byte, error) {
	var relations struct {
		List []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	raw, _ := f.Pkg.Load("xl/_rels/workbook.xml.rels")
	list, _ := raw.([]byte)
	if err := xml.Unmarshal(list, &relations); err != nil {
		return nil, fmt.Errorf("relations of the workbook: %w", err)
	}
	for _, s := range f.WorkBook.Sheets.Sheet {
		if s.Name != name {
			continue
		}
		for _, r := range relations.List {
			if r.ID != s.ID {
				continue
			}
			part := strings.TrimPrefix(r.Target, "/")
			if !strings.HasPrefix(r.Target, "/") {
				part = path.Join("xl", part)
			}
			if raw, ok := f.Pkg.Load(part); ok {
				if data, ok := raw.([]byte); ok {
					return data, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("sheet %q has no XML", name)
}

// readSheet reads all rows.
func (t *Table) readSheet(f *excelize.File, raw []byte) error {
	rows, err := f.Rows(t.Sheet)
	if err != nil {
		return err
	}
	kinds := newKindReader(f, raw)
	for number := 1; rows.Next(); number++ {
		types, err := kinds.row(number)
		if err != nil {
			return err
		}
		if len(types) > maxColumns {
			return fileError(CodeTooLarge, nil, len(types), "columns", maxColumns)
		}
		values, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return err
		}
		row := Row{Number: number, Cells: make([]Cell, len(values))}
		for i, v := range values {
			row.Cells[i].Text = v
			if i < len(types) && v != "" {
				row.Cells[i].Kind = types[i]
			}
		}
		if err := t.add(row); err != nil {
			return err
		}
	}
	if err := rows.Error(); err != nil {
		return err
	}
	return kinds.end()
}

// A kindReader reads from a sheet's XML of what kind the cells of a row are.
type kindReader struct {
	f     *excelize.File
	dec   *xml.Decoder
	dates map[int]bool // by style, as far as known
	next  int          // number of the row that has been read ahead; 0 is none
	ahead []CellKind
	done  bool
}

func newKindReader(f *excelize.File, raw []byte) *kindReader {
	dec := xml.NewDecoder(bytes.NewReader(raw))
	dec.CharsetReader = f.CharsetReader
	return &kindReader{f: f, dec: dec, dates: make(map[int]bool)}
}

// row returns the kinds of a row's cells. Rows are asked for in ascending order.
func (k *kindReader) row(number int) ([]CellKind, error) {
	for !k.done && k.next < number {
		if err := k.read(); err != nil {
			return nil, err
		}
	}
	if k.next == number {
		return k.ahead, nil
	}
	return nil, nil
}

// end reads what is left, so that broken XML there is noticed too.
func (k *kindReader) end() error {
	for !k.done {
		if err := k.read(); err != nil {
			return err
		}
	}
	return nil
}

// read reads up to the end of the next row.
func (k *kindReader) read() error {
	open := false
	for {
		token, err := k.dec.Token()
		if errors.Is(err, io.EOF) {
			k.done = true
			return nil
		}
		if err != nil {
			return err
		}
		switch el := token.(type) {
		case xml.StartElement:
			switch {
			case el.Name.Local == "row" && !open:
				open = true
				if err := k.begin(el); err != nil {
					return err
				}
			case el.Name.Local == "c" && open:
				if err := k.cell(el); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if el.Name.Local == "row" && open {
				return nil
			}
		}
	}
}

func (k *kindReader) begin(row xml.StartElement) error {
	number := k.next + 1
	if r := attribute(row, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n < number {
			return fmt.Errorf("row %q follows row %d", r, k.next)
		}
		number = n
	}
	k.next, k.ahead = number, k.ahead[:0]
	return nil
}

func (k *kindReader) cell(c xml.StartElement) error {
	column := len(k.ahead)
	if r := attribute(c, "r"); r != "" {
		n, _, err := excelize.CellNameToCoordinates(r)
		if err != nil {
			return err
		}
		if n-1 < column {
			return fmt.Errorf("cell %s stands after a later one", r)
		}
		column = n - 1
	}
	for len(k.ahead) < column {
		k.ahead = append(k.ahead, Text)
	}
	k.ahead = append(k.ahead, k.kindOf(attribute(c, "t"), attribute(c, "s")))
	return nil
}

// kindOf is what ECMA-376 part 1, 18.18.11 (ST_CellType) says of a type, and
// the style of a number.
func (k *kindReader) kindOf(typ, style string) CellKind {
	switch typ {
	case "s", "str", "inlineStr", "d": // a d has its date as ISO text
		return Text
	case "b":
		return Bool
	case "e":
		return Error
	}
	s, err := strconv.Atoi(style)
	if err != nil {
		return Number
	}
	date, known := k.dates[s]
	if !known {
		date = isDateStyle(k.f, s)
		k.dates[s] = date
	}
	if date {
		return Date
	}
	return Number
}

// isDateStyle reports whether a style shows numbers as dates or times.
func isDateStyle(f *excelize.File, style int) bool {
	s, err := f.GetStyle(style)
	if err != nil || s == nil {
		return false
	}
	if s.CustomNumFmt != nil {
		return isDateFormat(*s.CustomNumFmt)
	}
	// ECMA-376 part 1, 18.8.30: the built-in formats, those of East Asia among
	// them.
	n := s.NumFmt
	return n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 45 && n <= 47 || n >= 50 && n <= 58
}

// isDateFormat looks for letters of dates outside of quotes, brackets and
// escapes in the first section of a number format.
func isDateFormat(format string) bool {
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '"':
			if n := strings.IndexByte(format[i+1:], '"'); n >= 0 {
				i += n + 1
			}
		case '[':
			if n := strings.IndexByte(format[i:], ']'); n >= 0 {
				i += n
			}
		case '\\', '_', '*':
			i++
		case ';':
			return false
		case 'y', 'Y', 'm', 'M', 'd', 'D', 'h', 'H', 's', 'S':
			return true
		}
	}
	return false
}

func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// fillMerged gives every cell of a merged area the value of its first: people
// merge the document number over the rows of a document.
func (t *Table) fillMerged(raw []byte) error {
	// The areas stand behind the rows.
	tail := raw[bytes.LastIndex(raw, []byte("sheetData"))+1:]
	at := bytes.Index(tail, []byte("mergeCells"))
	if at < 0 {
		return nil
	}
	dec := xml.NewDecoder(bytes.NewReader(tail[bytes.LastIndexByte(tail[:at], '<'):]))
	byNumber := make(map[int]*Row, len(t.Rows))
	for i := range t.Rows {
		byNumber[t.Rows[i].Number] = &t.Rows[i]
	}
	for filled := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return fileError(CodeBadFile, err)
		}
		switch el := token.(type) {
		case xml.StartElement:
			if el.Name.Local != "mergeCell" {
				continue
			}
			if filled += fillArea(byNumber, attribute(el, "ref")); filled > maxMerged {
				return fileError(CodeTooLarge, nil, filled, "merged cells", maxMerged)
			}
		case xml.EndElement:
			if el.Name.Local == "mergeCells" {
				return nil
			}
		}
	}
}

// fillArea returns how many cells it has looked at.
func fillArea(rows map[int]*Row, area string) (n int) {
	from, to, ok := strings.Cut(area, ":")
	c1, r1, err1 := excelize.CellNameToCoordinates(from)
	c2, r2, err2 := excelize.CellNameToCoordinates(to)
	if !ok || err1 != nil || err2 != nil || c2 > maxColumns || rows[r1] == nil {
		return 1
	}
	value := rows[r1].cell(c1 - 1)
	for at := r1; at <= r2 && n <= maxMerged; at++ {
		n += c2 - c1 + 1
		row := rows[at]
		if row == nil || value.empty() {
			continue // an empty row stays empty
		}
		for len(row.Cells) < c2 {
			row.Cells = append(row.Cells, Cell{})
		}
		for c := c1; c <= c2; c++ {
			if row.Cells[c-1].empty() {
				row.Cells[c-1] = value
			}
		}
	}
	return max(n, 1)
}
