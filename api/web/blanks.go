package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// What only one item has are mostly three names: its serial, in the text and in
// links, the same in groups of four, and the picture that counts the page. They
// are left blank when its parts are rendered, and put in afterwards, so that these
// parts too can be kept: rendering links costs more than all else on a page.
//
// Only names of letters, digits and _ . / - are left blank, and spaces in text. No
// escaper of html/template changes any of these, looks at them when it escapes what
// stands beside, or tells a link by them: a name put in afterwards stands there as
// if it had been rendered. The mark of a blank is such a name itself, and random, so
// that nobody can write it.
type blanks struct{ mark string }

// A blankValue says what belongs into a blank.
type blankValue uint8

// The blanks. Each mark ends with the digit of its value.
const (
	blankSerial blankValue = iota
	blankGrouped
	blankBeacon
	blankNone // how many there are
)

// names are what belongs into blanks. What is empty was not left blank.
type names [blankNone]string

// of is what belongs into a blank.
func (n *names) of(v blankValue) string {
	if v < blankNone {
		return n[v]
	}
	return ""
}

func newBlanks() blanks {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return blanks{"blank" + hex.EncodeToString(b[:])}
}

func (b blanks) of(v blankValue) string { return b.mark + string('0'+rune(v)) }

// leave takes the names out of what an item's own parts show.
func (b blanks) leave(o *own, serial string) (n names) {
	if plain(o.Serial, " ") {
		n[blankGrouped], o.Serial = o.Serial, b.of(blankGrouped)
	}
	if strings.HasPrefix(o.Beacon, "/") && plain(o.Beacon, "_./-") {
		n[blankBeacon], o.Beacon = o.Beacon, b.of(blankBeacon)
	}
	if plain(serial, "") {
		n[blankSerial] = serial
		for _, link := range o.links() {
			*link = b.leaveLast(*link, serial)
		}
	}
	return n
}

// leaveLast leaves the serial blank where it is the last part of a link: not after
// a percent sign, of which it could be taken for a part.
func (b blanks) leaveLast(link, serial string) string {
	before, ok := strings.CutSuffix(link, serial)
	if ok && (strings.HasSuffix(before, "/") || strings.HasSuffix(before, "%2F")) {
		return before + b.of(blankSerial)
	}
	return link
}

// plain reports whether a name is not empty and has letters, digits and the other
// characters only.
func plain(name, others string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return name != ""
}

// split cuts what was rendered where names belong.
func (b blanks) split(rendered []byte) []*piece {
	var list []*piece
	for {
		before, after, found := bytes.Cut(rendered, []byte(b.mark))
		p := &piece{text: bytes.Clone(before), then: blankNone}
		list = append(list, p)
		if !found {
			return list
		}
		if len(after) > 0 {
			p.then = blankValue(after[0] - '0')
			after = after[1:]
		}
		rendered = after
	}
}
