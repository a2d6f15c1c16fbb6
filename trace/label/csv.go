package label

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// A Row is one code in a file for a printer.
type Row struct {
	Serial string // exactly as it goes into the code
	URI    string // content of the QR code
	Index  uint32 // of the code in its run
	Unit   string // case or pallet that the item goes into, if known
	Second string // for under the coating, if the run has second codes
}

// A CSV writes rows for printing software: UTF-8 with byte order mark, lines
// ending in CR LF, the columns serial, uri, index and, if wanted, unit and
// second, with these names in the first line. What stands in the column second
// is printed and then covered by a coating that is scratched off.
//
// Values stand as they are, also those that a spreadsheet would take for a
// number or a formula: what is printed has to be exact.
type CSV struct {
	out    *csv.Writer
	unit   bool
	second bool
	begun  bool
	raw    io.Writer
	cells  []string
}

// NewCSV returns a writer to w, with or without the columns unit and second.
func NewCSV(w io.Writer, unit, second bool) *CSV {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return &CSV{out: out, unit: unit, second: second, raw: w}
}

// Write writes a row. It is buffered until Flush.
func (c *CSV) Write(row Row) error {
	if err := c.begin(); err != nil {
		return err
	}
	c.cells = append(c.cells[:0], row.Serial, row.URI, strconv.FormatUint(uint64(row.Index), 10))
	if c.unit {
		c.cells = append(c.cells, row.Unit)
	}
	if c.second {
		c.cells = append(c.cells, row.Second)
	}
	if err := c.out.Write(c.cells); err != nil {
		return fmt.Errorf("write code %d: %w", row.Index, err)
	}
	return nil
}

// begin writes what stands before the first row.
func (c *CSV) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	if _, err := io.WriteString(c.raw, "\uFEFF"); err != nil {
		return fmt.Errorf("write codes: %w", err)
	}
	names := []string{"serial", "uri", "index"}
	if c.unit {
		names = append(names, "unit")
	}
	if c.second {
		names = append(names, "second")
	}
	if err := c.out.Write(names); err != nil {
		return fmt.Errorf("write codes: %w", err)
	}
	return nil
}

// Flush writes what is buffered, and the names of the columns if there was no
// row. It must be called at the end.
func (c *CSV) Flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.out.Flush()
	if err := c.out.Error(); err != nil {
		return fmt.Errorf("write codes: %w", err)
	}
	return nil
}
