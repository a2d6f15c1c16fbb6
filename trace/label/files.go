package label

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Draw makes the file of one label from its symbol.
type Draw func(*Symbol, Row) ([]byte, error)

// WriteFiles writes one file per row into dir, which must exist, and returns
// how many it wrote. Files that stand there under the same names are replaced.
// A file is named by the index, eight digits, and the letters and digits of
// the serial, with the extension ext, as in 00000001-001X037D3K10WFTA3C39.svg.
// Over [MaxFiles] rows are refused with [ErrDrawing] after the first of them.
func WriteFiles(ctx context.Context, dir, ext string, rows iter.Seq[Row], draw Draw) (int, error) {
	n := 0
	for row := range rows {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		if n == MaxFiles {
			return n, fmt.Errorf("%w: more than %d files in one directory", ErrDrawing, MaxFiles)
		}
		if err := writeLabel(filepath.Join(dir, fileName(row, ext)), row, draw); err != nil {
			return n, fmt.Errorf("label of code %d: %w", row.Index, err)
		}
		n++
	}
	return n, nil
}

func writeLabel(path string, row Row, draw Draw) error {
	symbol, err := Encode(row.URI)
	if err != nil {
		return err
	}
	file, err := draw(symbol, row)
	if err != nil {
		return err
	}
	return os.WriteFile(path, file, 0o644)
}

// fileName is safe on every file system: foreign serials may have slashes or
// differ in letter case only.
func fileName(row Row, ext string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, row.Serial)
	return fmt.Sprintf("%08d-%s.%s", row.Index, safe, ext)
}

// DrawPNG returns a [Draw] for [Symbol.PNG].
func DrawPNG(pixels, quiet int) Draw {
	return func(s *Symbol, _ Row) ([]byte, error) { return s.PNG(pixels, quiet) }
}

// DrawSVG returns a [Draw] for [Symbol.SVG] with the serial below the symbol
// unless the style has another text, and the second code below that if the row
// has one.
func DrawSVG(style SVGStyle) Draw {
	return func(s *Symbol, row Row) ([]byte, error) {
		own := style
		if own.Text == "" {
			own.Text = Group(row.Serial)
		}
		if row.Second != "" {
			own.Second = GroupSecond(row.Second)
		}
		return s.SVG(own)
	}
}
