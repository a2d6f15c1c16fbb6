package code

import (
	"iter"
	"math"
	"strings"
)

const (
	// guessMargin is how many bits of surprise a foreign serial must have
	// beyond the number of serials issued: a guess hits one time in 2^32.
	guessMargin = 32

	// guessStep bounds the distance of two serials in a row that still looks
	// like counting; it leaves room for a check digit and for skipped numbers.
	guessStep = 1 << 16

	// guessSample is how many serials it takes until what was seen at a place
	// says more about it than the classes of its characters.
	guessSample = 64
)

// Guessable reports whether the serials look as if further valid ones could be
// guessed: too short or too regular, or counted up. That it returns false
// promises nothing; a clever numbering looks random.
func Guessable(serials iter.Seq[string]) bool {
	g := newGuesser()
	for serial := range serials {
		g.add(serial)
	}
	return g.verdict()
}

// A guesser gathers statistics over the serials of a list in fixed memory.
type guesser struct {
	n      uint32
	places [MaxForeignSerial + 1]place // by position; an end counts as a character

	last     uint64 // previous serial as a number
	lastStep uint64
	regular  uint32 // steps that are small or repeat the step before
}

// A place counts the characters seen at one position of the serials. Index 0
// stands for serials that are too short to have it.
type place [128]uint32

func newGuesser() *guesser { return &guesser{} }

// add takes a serial for which CheckSerial holds; others are cut to fit.
func (g *guesser) add(serial string) {
	for i := range g.places {
		c := byte(0)
		if i < len(serial) {
			c = serial[i] & 127
		}
		g.places[i][c]++
	}

	number := asNumber(serial)
	step := number - g.last
	if g.n > 0 && (step < guessStep || -step < guessStep || g.n > 1 && step == g.lastStep) {
		g.regular++
	}
	g.last, g.lastStep = number, step
	g.n++
}

// verdict reports whether the serials so far are guessable.
func (g *guesser) verdict() bool {
	if g.n == 0 {
		return true
	}
	if steps := g.n - 1; steps > 0 && g.regular > steps/2 {
		return true
	}
	var surprise float64
	for i := range g.places {
		surprise += g.places[i].bits(g.n)
	}
	return surprise-math.Log2(float64(g.n)) < guessMargin
}

// bits estimates how many bits somebody who has seen n serials cannot know
// about this place of another. Places are taken as independent, which errs on
// the side of the list.
func (p *place) bits(n uint32) float64 {
	if n > 1 && n < guessSample && p.constant() {
		return 0
	}
	if n < guessSample {
		return math.Log2(float64(p.classes()))
	}
	var entropy float64
	for _, count := range p {
		if count > 0 {
			share := float64(count) / float64(n)
			entropy -= share * math.Log2(share)
		}
	}
	return entropy
}

func (p *place) constant() bool {
	kinds := 0
	for _, count := range p {
		if count > 0 {
			kinds++
		}
	}
	return kinds == 1
}

// classes is the size of the character classes seen here: digits, upper case,
// lower case, and everything else by what was seen.
func (p *place) classes() int {
	const (
		digit = 1 << iota
		upper
		lower
	)
	seen, others := 0, 0
	for c, count := range p {
		switch {
		case count == 0:
		case c >= '0' && c <= '9':
			seen |= digit
		case c >= 'A' && c <= 'Z':
			seen |= upper
		case c >= 'a' && c <= 'z':
			seen |= lower
		default:
			others++
		}
	}
	size := others
	for class, letters := range map[int]int{digit: 10, upper: 26, lower: 26} {
		if seen&class != 0 {
			size += letters
		}
	}
	return size
}

// asNumber reads a serial as a number, modulo 2^64: in base 10 if it has digits
// only, else in base 36 with letters of both cases and all other characters as
// 0. Counting up in either way gives equal steps.
func asNumber(serial string) uint64 {
	base := uint64(36)
	if strings.Trim(serial, "0123456789") == "" {
		base = 10
	}
	var n uint64
	for i := range len(serial) {
		c := serial[i]
		digit := uint64(0)
		switch {
		case c >= '0' && c <= '9':
			digit = uint64(c - '0')
		case c >= 'A' && c <= 'Z':
			digit = uint64(c-'A') + 10
		case c >= 'a' && c <= 'z':
			digit = uint64(c-'a') + 10
		}
		n = n*base + digit
	}
	return n
}
