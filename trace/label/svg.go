package label

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
)

const (
	// textHeight and textSize are the height of a line of text and of its
	// letters, in modules.
	textHeight = 4
	textSize   = 3

	// letterWidth is how wide a letter of a monospaced font is, for its size.
	letterWidth = 0.6
)

// SVGStyle says how to draw a symbol as SVG.
type SVGStyle struct {
	// Quiet is the white around the symbol in modules, 0 to [MaxQuiet].
	Quiet int

	// ModuleMM is the size of a module in millimetres. 0 leaves the size
	// to whoever shows the drawing. GS1 asks for 0.396 to 0.990 where
	// consumers scan (General Specifications, symbol specification table 1).
	ModuleMM float64

	// Text stands below the symbol if it is not empty, say a serial as
	// [Group] returns it.
	Text string

	// Second stands below that, where the coating goes, if it is not empty.
	Second string
}

// SVG returns the symbol as an SVG document: one path on white, in units of
// modules.
func (s *Symbol) SVG(style SVGStyle) ([]byte, error) {
	if err := checkQuiet(style.Quiet); err != nil {
		return nil, err
	}
	if !(style.ModuleMM >= 0) || math.IsInf(style.ModuleMM, 0) {
		return nil, fmt.Errorf("%w: modules of %v mm", ErrDrawing, style.ModuleMM)
	}
	width := s.Size() + 2*style.Quiet
	lines := style.lines()
	height := width + len(lines)*textHeight

	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg"`)
	if style.ModuleMM > 0 {
		fmt.Fprintf(&b, ` width="%smm" height="%smm"`, decimal(float64(width)*style.ModuleMM), decimal(float64(height)*style.ModuleMM))
	}
	fmt.Fprintf(&b, ` viewBox="0 0 %d %d" shape-rendering="crispEdges">`, width, height)
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dH0z"/>`, width, height)
	b.WriteString(`<path d="`)
	s.writePath(&b, style.Quiet)
	b.WriteString(`"/>`)
	for i, text := range lines {
		s.writeText(&b, text, style.Quiet, i)
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// writePath writes one rectangle for each run of dark modules in a row.
func (s *Symbol) writePath(b *bytes.Buffer, quiet int) {
	for y, row := range s.modules {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			start := x
			for x < len(row) && row[x] {
				x++
			}
			fmt.Fprintf(b, "M%d %dh%dv1h-%dz", start+quiet, y+quiet, x-start, x-start)
		}
	}
}

// lines are the texts below the symbol.
func (style *SVGStyle) lines() []string {
	var lines []string
	for _, text := range []string{style.Text, style.Second} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// writeText writes a line below the symbol, pressed together if it would be
// wider than the symbol.
func (s *Symbol) writeText(b *bytes.Buffer, text string, quiet, line int) {
	middle := float64(quiet) + float64(s.Size())/2
	fmt.Fprintf(b, `<text x="%s" y="%d" text-anchor="middle" font-family="monospace" font-size="%d"`,
		decimal(middle), s.Size()+2*quiet+line*textHeight+textSize, textSize)
	if wide := float64(len([]rune(text))) * textSize * letterWidth; wide > float64(s.Size()) {
		fmt.Fprintf(b, ` textLength="%d" lengthAdjust="spacingAndGlyphs"`, s.Size())
	}
	b.WriteByte('>')
	xml.EscapeText(b, []byte(text)) // a buffer returns no errors
	b.WriteString("</text>")
}

// decimal writes a number of millimetres or modules to a thousandth.
func decimal(v float64) string {
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}
