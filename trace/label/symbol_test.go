package label

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

const ourURI = "HTTPS://EXAMPLE.COM/01/06901234567892/21/001J6MYVADGTJET78GTM"

func mustEncode(t testing.TB, uri string) *Symbol {
	t.Helper()
	s, err := Encode(uri)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scan finds and reads a symbol in a picture with an independent
// implementation.
func scan(t testing.TB, img image.Image) (string, error) {
	t.Helper()
	return scanWith(t, img, gozxing.DecodeHintType_TRY_HARDER)
}

func scanWith(t testing.TB, img image.Image, hint gozxing.DecodeHintType) (string, error) {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
	if err != nil {
		return "", err
	}
	return result.GetText(), nil
}

func mustPNG(t testing.TB, s *Symbol, pixels, quiet int) image.Image {
	t.Helper()
	raw, err := s.PNG(pixels, quiet)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestSizeFollowsLength pins the sizes of symbols at level M: ISO/IEC 18004,
// table 7, alphanumeric mode.
func TestSizeFollowsLength(t *testing.T) {
	capacities := []struct{ characters, size int }{{20, 21}, {38, 25}, {61, 29}, {90, 33}, {122, 37}, {154, 41}}
	length := 1
	for _, c := range capacities {
		for ; length <= c.characters; length++ {
			// Letters only, so that the numeric mode cannot help.
			if got := mustEncode(t, strings.Repeat("A", length)).Size(); got != c.size {
				t.Errorf("%d characters make %d modules, want %d", length, got, c.size)
			}
		}
	}
}

func TestOurURIsAreSmall(t *testing.T) {
	for _, test := range []struct {
		uri          string
		length, size int
	}{
		{ourURI, 61, 29},
		{"HTTPS://EXAMPLES.COM/01/06901234567892/21/ZZZJ6MYVADGTJETXWGTM", 62, 33},
		{"HTTPS://TRACE.PRODUCTS.LANZHI-FOODSTUFFS.EXAMPLE/01/06901234567892/21/ZZZJ6MYVADGTJETXWGTM", 90, 33},
		{"HTTPS://TRACES.PRODUCTS.LANZHI-FOODSTUFFS.EXAMPLE/01/06901234567892/21/ZZZJ6MYVADGTJETXWGTM", 91, 37},
		{strings.ToLower(ourURI), 61, 33}, // what lower case costs
	} {
		if got := mustEncode(t, test.uri).Size(); len(test.uri) != test.length || got > test.size {
			t.Errorf("%s: %d characters make %d modules, want %d and %d", test.uri, len(test.uri), got, test.length, test.size)
		}
	}
	if got := mustEncode(t, ourURI).Size(); got != 29 {
		t.Errorf("a URI of 61 characters makes %d modules, want 29", got)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, uri := range map[string]string{
		"empty":     "",
		"too long":  strings.Repeat("A", MaxURI+1),
		"space":     "HTTPS://EXAMPLE.COM/ ",
		"line feed": "HTTPS://EXAMPLE.COM/\n",
		"chinese":   "HTTPS://溯源.EXAMPLE/",
		"zero byte": "\x00",
		"delete":    "\x7f",
	} {
		if _, err := Encode(uri); !errors.Is(err, ErrURI) {
			t.Errorf("%s: %v, want %v", name, err, ErrURI)
		}
	}
	for _, length := range []int{1, MaxURI} {
		mustEncode(t, strings.Repeat("a", length))
	}
}

func TestPNGScansBack(t *testing.T) {
	uris := []string{
		ourURI,
		"A",
		strings.ToLower(ourURI),
		"https://example.com/01/06901234567892/21/aB%2Fc%22%25",
		"HTTPS://XN--FIQS8S.XN--55QX5D/01/06901234567892/21/001J6MYVADGTJET78GTM",
		"HTTPS://192.168.100.200:65535/01/06901234567892/21/001J6MYVADGTJET78GTM",
		"HTTPS://[2001:DB8::1]:8443/01/06901234567892/21/001J6MYVADGTJET78GTM",
		"http://127.0.0.1:8080/01/06901234567892/21/001J6MYVADGTJET78GTM",
		"HTTPS://A.EXAMPLE/SOME/STEM/01/06901234567892/21/00000000000000000000",
		"HTTPS://EXAMPLE.COM/00/106141412345678908",
		"HTTPS://EXAMPLE.COM/01/06901234567892/10/LOT-7/21/12345678901234567890?17=261121",
		"HTTPS://" + strings.Repeat(strings.Repeat("D", 62)+".", 4) + "C/01/06901234567892/21/001J6MYVADGTJET78GTM",
		"https://" + strings.Repeat("!", MaxURI-8),
	}
	for _, uri := range uris {
		s := mustEncode(t, uri)
		for _, pixels := range []int{3, 4, 8} {
			if got, err := scan(t, mustPNG(t, s, pixels, QuietZone)); err != nil || got != uri {
				t.Errorf("%s at %d pixels a module (size %d) is read as %q, %v", uri, pixels, s.Size(), got, err)
			}
		}
	}
}

// TestRandomCodesScanBack reads symbols of random domains and serials, whole
// and with spots on them.
func TestRandomCodesScanBack(t *testing.T) {
	const seed = 20261121
	random := rand.New(rand.NewPCG(seed, 1))
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	for i := range 120 {
		uri := fmt.Sprintf("HTTPS://%s.%s/01/%014d/21/%s", text(1+random.IntN(40)), text(2), random.Int64N(1e14), text(1+random.IntN(20)))
		s := mustEncode(t, uri)
		img := mustPNG(t, s, 4, QuietZone)
		if i%2 == 1 {
			spot(s, img.(*image.Paletted), 4, random)
		}
		if got, err := scan(t, img); err != nil || got != uri {
			t.Errorf("seed %d: symbol %d, %s, is read as %q, %v", seed, i, uri, got, err)
		}
	}
}

// spot puts a square of 3 by 3 wrong modules into the data of a symbol, away
// from the corners that tell where it is.
func spot(s *Symbol, img *image.Paletted, pixels int, random *rand.Rand) {
	left := 9 + random.IntN(s.Size()-20)
	top := 9 + random.IntN(s.Size()-20)
	for y := (top + QuietZone) * pixels; y < (top+3+QuietZone)*pixels; y++ {
		for x := (left + QuietZone) * pixels; x < (left+3+QuietZone)*pixels; x++ {
			img.Pix[img.PixOffset(x, y)] ^= 1
		}
	}
}

func TestPNGSizes(t *testing.T) {
	s := mustEncode(t, ourURI)
	for _, test := range []struct{ pixels, quiet, side int }{{1, 0, 29}, {1, 4, 37}, {8, 4, 296}, {MaxPixels, 0, 29 * MaxPixels}} {
		if side := mustPNG(t, s, test.pixels, test.quiet).Bounds().Dx(); side != test.side {
			t.Errorf("%d pixels, quiet zone %d: %d wide, want %d", test.pixels, test.quiet, side, test.side)
		}
	}
	for _, test := range [][2]int{{0, 4}, {-8, 4}, {MaxPixels + 1, 4}, {8, -1}, {8, MaxQuiet + 1}} {
		if _, err := s.PNG(test[0], test[1]); !errors.Is(err, ErrDrawing) {
			t.Errorf("%d pixels, quiet zone %d: %v, want %v", test[0], test[1], err, ErrDrawing)
		}
	}
}

// sameModules compares a drawing, given by its dark modules, with the symbol.
func sameModules(t *testing.T, s *Symbol, quiet int, dark map[image.Point]bool) {
	t.Helper()
	for y := -quiet; y < s.Size()+quiet; y++ {
		for x := -quiet; x < s.Size()+quiet; x++ {
			if got := dark[image.Pt(x+quiet, y+quiet)]; got != s.Dark(x, y) {
				t.Fatalf("module %d, %d is dark: %v, want %v", x, y, got, s.Dark(x, y))
			}
		}
	}
}

func TestTerminalShowsTheSymbol(t *testing.T) {
	for _, uri := range []string{ourURI, "A"} {
		s := mustEncode(t, uri)
		dark := make(map[image.Point]bool)
		lines := strings.Split(strings.TrimSuffix(s.Terminal(), "\n"), "\n")
		if want := (s.Size() + 2*QuietZone + 1) / 2; len(lines) != want {
			t.Errorf("%d lines, want %d", len(lines), want)
		}
		for y, line := range lines {
			for x, r := range []rune(line) {
				dark[image.Pt(x, 2*y)] = r == ' ' || r == '▄'
				dark[image.Pt(x, 2*y+1)] = r == ' ' || r == '▀'
			}
		}
		sameModules(t, s, QuietZone, dark)
	}
}

func TestSVGShowsTheSymbol(t *testing.T) {
	s := mustEncode(t, ourURI)
	for _, quiet := range []int{0, 4} {
		raw, err := s.SVG(SVGStyle{Quiet: quiet})
		if err != nil {
			t.Fatal(err)
		}
		dark := make(map[image.Point]bool)
		for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(string(raw), -1) {
			x, _ := strconv.Atoi(m[1])
			y, _ := strconv.Atoi(m[2])
			width, _ := strconv.Atoi(m[3])
			if m[3] != m[4] {
				t.Errorf("%s does not close", m[0])
			}
			for i := range width {
				dark[image.Pt(x+i, y)] = true
			}
		}
		sameModules(t, s, quiet, dark)
		if len(raw) > 8<<10 {
			t.Errorf("%d bytes", len(raw))
		}
	}
}

func TestSVGStyles(t *testing.T) {
	s := mustEncode(t, ourURI)
	for name, test := range map[string]struct {
		style SVGStyle
		want  []string
	}{
		"plain": {SVGStyle{}, []string{`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29"`}},
		"millimetres": {SVGStyle{Quiet: 4, ModuleMM: 0.4}, []string{
			`width="14.8mm" height="14.8mm" viewBox="0 0 37 37"`}},
		"text": {SVGStyle{Quiet: 4, ModuleMM: 0.5, Text: Group("001J6MYVADGTJET78GTM")}, []string{
			`width="18.5mm" height="20.5mm" viewBox="0 0 37 41"`,
			`<text x="18.5" y="40" text-anchor="middle" font-family="monospace" font-size="3" textLength="29" lengthAdjust="spacingAndGlyphs">001J 6MYV ADGT JET7 8GTM</text>`}},
		"short text":   {SVGStyle{Text: "箱 7"}, []string{`font-size="3">箱 7</text>`}},
		"hostile text": {SVGStyle{Text: `</text><script>&"`}, []string{`&lt;/text&gt;&lt;script&gt;&amp;&#34;</text>`}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := s.SVG(test.style)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(string(raw), want) {
					t.Errorf("%s\nlacks %s", raw, want)
				}
			}
			if err := xml.Unmarshal(raw, new(struct{})); err != nil {
				t.Error(err)
			}
		})
	}

	for _, style := range []SVGStyle{{Quiet: -1}, {Quiet: MaxQuiet + 1}, {ModuleMM: -1}, {ModuleMM: math.NaN()}, {ModuleMM: math.Inf(1)}} {
		if _, err := s.SVG(style); !errors.Is(err, ErrDrawing) {
			t.Errorf("%+v: %v, want %v", style, err, ErrDrawing)
		}
	}
}

// TestSVGBytes pins a whole drawing, which also pins the choice of mask.
func TestSVGBytes(t *testing.T) {
	s := mustEncode(t, ourURI)
	got, err := s.SVG(SVGStyle{Quiet: QuietZone, ModuleMM: 0.4, Text: Group("001J6MYVADGTJET78GTM")})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "label.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestGroup(t *testing.T) {
	for serial, want := range map[string]string{
		"":                     "",
		"1234":                 "1234",
		"12345":                "1234 5",
		"001J6MYVADGTJET78GTM": "001J 6MYV ADGT JET7 8GTM",
	} {
		if got := Group(serial); got != want {
			t.Errorf("Group(%q) = %q, want %q", serial, got, want)
		}
	}
}

// FuzzEncode holds that what is encoded is read back. The reader is told that
// the picture is nothing but a symbol: now and then it takes data modules for
// one of the corners.
func FuzzEncode(f *testing.F) {
	f.Add(ourURI)
	f.Add("https://example.com/01/06901234567892/21/aB%2Fc")
	f.Add("000000A00000a")
	f.Add("11\"a2B01/2120A1")
	f.Fuzz(func(t *testing.T, uri string) {
		s, err := Encode(uri)
		if err != nil {
			if !errors.Is(err, ErrURI) {
				t.Error(err)
			}
			return
		}
		if s.Size() < 21 || s.Size() > 177 || s.URI() != uri {
			t.Errorf("%q: size %d", uri, s.Size())
		}
		img := mustPNG(t, s, 3, QuietZone)
		if got, err := scanWith(t, img, gozxing.DecodeHintType_PURE_BARCODE); err != nil || got != uri {
			t.Errorf("%q is read as %q, %v", uri, got, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for b.Loop() {
		mustEncode(b, ourURI)
	}
}
