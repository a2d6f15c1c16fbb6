package label

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/skip2/go-qrcode"
)

// QuietZone is the white that the standard asks for around a symbol, in
// modules.
const QuietZone = 4

var (
	// ErrURI says that a text cannot be on a label: it is empty, longer than
	// [MaxURI], or has characters that no URI has.
	ErrURI = errors.New("not a URI for a label")

	// ErrDrawing says that a size asked for is out of its range.
	ErrDrawing = errors.New("label cannot be drawn")
)

// A Symbol is the QR symbol of a URI. It does not change and may be used
// concurrently.
type Symbol struct {
	uri     string
	modules [][]bool // by row, then column; true is dark; no quiet zone
}

// Encode makes the symbol of a URI at level M, as small as it can be. The
// error wraps [ErrURI] if it cannot be on a label.
func Encode(uri string) (*Symbol, error) {
	if len(uri) == 0 || len(uri) > MaxURI {
		return nil, fmt.Errorf("%w: %d characters, must be 1 to %d", ErrURI, len(uri), MaxURI)
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] > '~' {
			return nil, fmt.Errorf("%w: character %d is not printable ASCII", ErrURI, i+1)
		}
	}
	qr, err := qrcode.New(uri, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURI, err)
	}
	qr.DisableBorder = true
	return &Symbol{uri: uri, modules: qr.Bitmap()}, nil
}

// URI returns what the symbol says.
func (s *Symbol) URI() string { return s.uri }

// Size returns the number of modules on each side, without quiet zone.
func (s *Symbol) Size() int { return len(s.modules) }

// Dark reports whether the module at column x and row y, counted from 0 at the
// upper left, is dark. Outside of the symbol all is light.
func (s *Symbol) Dark(x, y int) bool {
	return y >= 0 && y < s.Size() && x >= 0 && x < s.Size() && s.modules[y][x]
}

// PNG returns a black and white picture with square modules of that many
// pixels on each side, 1 to [MaxPixels], and a quiet zone of 0 to [MaxQuiet]
// modules. Modules of equal size matter: symbols scaled to a given number of
// pixels are misread.
func (s *Symbol) PNG(pixels, quiet int) ([]byte, error) {
	if pixels < 1 || pixels > MaxPixels {
		return nil, fmt.Errorf("%w: %d pixels a module, must be 1 to %d", ErrDrawing, pixels, MaxPixels)
	}
	if err := checkQuiet(quiet); err != nil {
		return nil, err
	}
	side := (s.Size() + 2*quiet) * pixels
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		row := img.Pix[y*img.Stride:]
		for x := range side {
			if s.Dark(x/pixels-quiet, y/pixels-quiet) {
				row[x] = 1
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("draw %s: %w", s.uri, err)
	}
	return out.Bytes(), nil
}

func checkQuiet(quiet int) error {
	if quiet < 0 || quiet > MaxQuiet {
		return fmt.Errorf("%w: quiet zone of %d modules, must be 0 to %d", ErrDrawing, quiet, MaxQuiet)
	}
	return nil
}

// Terminal returns the symbol in block characters, two rows a line, with the
// light modules drawn: it is meant for light letters on a dark ground.
func (s *Symbol) Terminal() string {
	blocks := map[[2]bool]string{ // upper and lower module dark
		{false, false}: "█",
		{false, true}:  "▀",
		{true, false}:  "▄",
		{true, true}:   " ",
	}
	var b strings.Builder
	for y := -QuietZone; y < s.Size()+QuietZone; y += 2 {
		for x := -QuietZone; x < s.Size()+QuietZone; x++ {
			b.WriteString(blocks[[2]bool{s.Dark(x, y), s.Dark(x, y+1)}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Group splits a serial into groups of four characters, as it is printed for
// people.
func Group(serial string) string {
	var b strings.Builder
	for i, r := range []rune(serial) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// GroupSecond splits a second code in the middle, as people type it.
func GroupSecond(second string) string {
	r := []rune(second)
	return string(r[:len(r)/2]) + " " + string(r[len(r)/2:])
}
