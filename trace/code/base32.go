package code

import "strings"

// alphabet is Douglas Crockford's Base32: no I, L, O (read as 1, 1, 0) and no
// U. See https://www.crockford.com/base32.html.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// noDigit marks bytes that are no Base32 characters.
const noDigit = 0xFF

// digits maps every byte to its Base32 value, reading lower case and the
// letters that are taken for digits.
var digits = func() (table [256]byte) {
	for i := range table {
		table[i] = noDigit
	}
	for value, c := range []byte(alphabet) {
		table[c] = byte(value)
		table[strings.ToLower(string(c))[0]] = byte(value)
	}
	for alias, c := range map[byte]byte{'O': '0', 'o': '0', 'I': '1', 'i': '1', 'L': '1', 'l': '1'} {
		table[alias] = table[c]
	}
	return table
}()

// Normalize turns what a person typed into what is printed: spaces and hyphens
// go, lower case becomes upper case, O becomes 0, I and L become 1. Other
// characters stay, for [Parse] to refuse. It must not touch foreign serials,
// which may differ in just this.
func Normalize(typed string) string {
	var b strings.Builder
	for i := range len(typed) {
		c := typed[i]
		switch value := digits[c]; {
		case value != noDigit:
			b.WriteByte(alphabet[value])
		case c != ' ' && c != '-':
			b.WriteByte(c)
		}
	}
	return b.String()
}

// encodeBits writes bits, most significant first, as Base32 characters into
// dst. src must have at least 5·len(dst) bits.
func encodeBits(dst, src []byte) {
	var acc, have uint
	for i := range dst {
		if have < 5 {
			acc = acc<<8 | uint(src[0])
			src, have = src[1:], have+8
		}
		have -= 5
		dst[i] = alphabet[acc>>have&31]
	}
}

// luhnSum is the sum of Luhn's algorithm in base 32 over canonical characters.
// The last character counts double if doubleLast, and then every second one.
func luhnSum(chars []byte, doubleLast bool) int {
	sum, double := 0, doubleLast
	for i := len(chars) - 1; i >= 0; i-- {
		value := int(digits[chars[i]])
		if double {
			value *= 2
		}
		sum += value/32 + value%32
		double = !double
	}
	return sum
}

// checkCharacter is the character that makes chars followed by it pass
// checks.
func checkCharacter(chars []byte) byte {
	return alphabet[(32-luhnSum(chars, true)%32)%32]
}

// parseChecked reads a text into canonical characters of dst. The text must
// have exactly len(dst) Base32 characters, the last one matching the others.
func parseChecked(dst []byte, text string) error {
	if len(text) != len(dst) {
		return ErrFormat
	}
	for i := range len(text) {
		value := digits[text[i]]
		if value == noDigit {
			return ErrFormat
		}
		dst[i] = alphabet[value]
	}
	if luhnSum(dst, false)%32 != 0 {
		return ErrCheckCharacter
	}
	return nil
}
