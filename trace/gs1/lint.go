package gs1

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A linter checks one rule on one component of a value and returns nil
// or what is wrong. The names are those that the GS1 Syntax Dictionary
// gives the rules, so that the two tables can be compared. A linter sees
// only components that have the characters and the length of their
// format, yet returns an error for any other text and never panics.
type linter func(s string) *Error

var linters = map[string]linter{
	"couponcode":     lintCoupon,
	"couponposoffer": lintCouponOffer,
	"cset39":         charset(cset39, "in GS1 character set 39 (digits, capital letters, # - /)"),
	"cset64":         lintBase64,
	"cset82":         isCset82,
	"csetnumeric":    isDigits,
	"csum":           lintCheckDigit,
	"csumalpha":      lintCheckPair,
	"gcppos1":        func(s string) *Error { return lintCompanyPrefix(s, 0) },
	"gcppos2":        func(s string) *Error { return lintCompanyPrefix(s, 1) },
	"hasnondigit":    lintHasNonDigit,
	"hh":             number("hour", 2, 0, 23),
	"hhmi":           lintHourMinute,
	"hyphen":         lintHyphen,
	"iban":           lintIBAN,
	"importeridx":    lintImporterIndex,
	"iso3166":        listed(countryNumbers, "an ISO 3166-1 numeric country code"),
	"iso3166999":     lintCountryOr999,
	"iso3166alpha2":  listed(countries, "an ISO 3166-1 alpha-2 country code"),
	"iso4217":        listed(currencies, "an ISO 4217 numeric currency code"),
	"iso5218":        oneOf("0129", "an ISO 5218 code for sex, 0, 1, 2 or 9"),
	"latitude":       number("latitude", 10, 0, 1800000000),
	"longitude":      number("longitude", 10, 0, 3600000000),
	"mediatype":      lintMediaType,
	"mi":             number("minute", 2, 0, 59),
	"nonzero":        lintNonZero,
	"nozeroprefix":   lintNoZeroPrefix,
	"packagetype":    listed(packageTypes, "a package type code of UN/ECE Recommendation 21 or GS1"),
	"pcenc":          lintPercent,
	"pieceoftotal":   lintPieceOfTotal,
	"posinseqslash":  lintPositionOfEnd,
	"ss":             number("second", 2, 0, 59),
	"winding":        oneOf("019", "a winding direction, 0, 1 or 9"),
	"yesno":          oneOf("01", "0 for no or 1 for yes"),
	"yymmd0":         func(s string) *Error { return lintDate(s, 2, 0) },
	"yymmdd":         func(s string) *Error { return lintDate(s, 2, 1) },
	"yyyymmd0":       func(s string) *Error { return lintDate(s, 4, 0) },
	"yyyymmdd":       func(s string) *Error { return lintDate(s, 4, 1) },
	"zero":           lintZero,
}

// The character sets of the General Specifications, figure 7.11; the
// position of a character in cset82 is its value in check character
// pairs.
const (
	digits = "0123456789"
	cset39 = "#-/" + digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	cset64 = "-" + digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	cset82 = `!"%&'()*+,-./` + digits + ":;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)

// charset returns a linter for text all of whose characters are in set.
func charset(set, what string) linter {
	return func(s string) *Error {
		for i := range len(s) {
			if strings.IndexByte(set, s[i]) < 0 {
				r, _ := utf8.DecodeRuneInString(s[i:])
				return refuse(AICharacter, "the character %q at position %d of %s is not %s", r, i+1, quote(s), what)
			}
		}
		return nil
	}
}

// The linters that others start with.
var (
	isDigits = charset(digits, "a digit")
	isCset82 = charset(cset82, "in GS1 character set 82 (ASCII letters, digits and most punctuation)")
)

// listed returns a linter for the members of set.
func listed(set map[string]bool, what string) linter {
	return func(s string) *Error {
		if !set[s] {
			return refuse(AIValue, "%s is not %s", quote(s), what)
		}
		return nil
	}
}

// oneOf returns a linter for a single character out of chars.
func oneOf(chars, what string) linter {
	return func(s string) *Error {
		if len(s) != 1 || !strings.Contains(chars, s) {
			return refuse(AIValue, "%s is not %s", quote(s), what)
		}
		return nil
	}
}

// number returns a linter for exactly width digits whose number is
// between lo and hi.
func number(what string, width, lo, hi int) linter {
	return func(s string) *Error {
		if err := isDigits(s); err != nil {
			return err
		}
		if len(s) != width {
			return refuse(AILength, "a %s has %d digits, not %d", what, width, len(s))
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n < uint64(lo) || n > uint64(hi) {
			return refuse(AIValue, "the %s %s is not between %d and %d", what, s, lo, hi)
		}
		return nil
	}
}

// lintBase64 accepts base64url text with up to two padding characters,
// where there are any, so that the whole is a multiple of three long.
// That is the dictionary's rule and not that of RFC 4648.
func lintBase64(s string) *Error {
	data := strings.TrimRight(s, "=")
	if err := charset(cset64, "in the base64url alphabet")(data); err != nil {
		return err
	}
	if pad := len(s) - len(data); pad > 2 || pad > 0 && len(s)%3 != 0 {
		return refuse(AIValue, "%s has the wrong number of padding characters at its end", quote(s))
	}
	return nil
}

func lintCheckDigit(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if len(s) < 2 {
		return refuse(AILength, "%s is too short to end in a check digit", quote(s))
	}
	body, check := s[:len(s)-1], s[len(s)-1]
	if want := checkDigit(body); check != want {
		return refuse(AICheckDigit, "%s ends in check digit %c where %c is right", s, check, want)
	}
	return nil
}

// lintCheckPair checks the check character pair of the General
// Specifications, section 7.9.5.
func lintCheckPair(s string) *Error {
	if len(s) < 2 {
		return refuse(AILength, "%s is too short to end in a check character pair", quote(s))
	}
	body, pair := s[:len(s)-2], s[len(s)-2:]
	if len(body) > maxCheckPairData {
		return refuse(AILength, "%d characters before a check character pair are more than the %d it is defined for", len(body), maxCheckPairData)
	}
	if err := isCset82(body); err != nil {
		return err
	}
	if want := checkPair(body); pair != want {
		return refuse(AICheckDigit, "%s ends in check characters %s where %s is right", quote(s), quote(pair), want)
	}
	return nil
}

// checkPair returns the check character pair for body: the values of the
// characters, weighted with the primes 2, 3, 5, ... from the right, are
// added modulo 1021 and written as two digits to the base 32.
func checkPair(body string) string {
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	sum, weight := 0, 1
	for i := range len(body) {
		weight = nextPrime(weight)
		sum += weight * strings.IndexByte(cset82, body[len(body)-1-i])
	}
	sum %= 1021
	return alphabet[sum/32:sum/32+1] + alphabet[sum%32:sum%32+1]
}

func nextPrime(n int) int {
	for {
		n++
		if isPrime(n) {
			return n
		}
	}
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

// lintCompanyPrefix requires the four digits that the shortest GS1
// Company Prefix has. Whether GS1 has given the prefix to anyone cannot
// be known offline.
func lintCompanyPrefix(s string, at int) *Error {
	const shortest = 4
	if len(s) < at+shortest {
		return refuse(AILength, "%s is too short to hold a GS1 company prefix", quote(s))
	}
	if notDigit(s[at:at+shortest]) >= 0 {
		return refuse(AICharacter, "%s does not have the digits of a GS1 company prefix at position %d", quote(s), at+1)
	}
	return nil
}

func lintHasNonDigit(s string) *Error {
	if notDigit(s) < 0 {
		return refuse(AIValue, "%s must have at least one character that is not a digit", quote(s))
	}
	return nil
}

func lintHourMinute(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if len(s) != 4 {
		return refuse(AILength, "a time of day has 4 digits, not %d", len(s))
	}
	if err := number("hour", 2, 0, 23)(s[:2]); err != nil {
		return err
	}
	return number("minute", 2, 0, 59)(s[2:])
}

func lintHyphen(s string) *Error {
	if s == "" || strings.Trim(s, "-") != "" {
		return refuse(AIValue, "%s is not a hyphen", quote(s))
	}
	return nil
}

// lintIBAN checks form and checksum (ISO 13616, ISO 7064 MOD 97-10), and
// not which countries issue account numbers of which length.
func lintIBAN(s string) *Error {
	const shortest, longest = 5, 34
	if len(s) < shortest || len(s) > longest {
		return refuse(AILength, "an IBAN has %d to %d characters, not %d", shortest, longest, len(s))
	}
	if err := charset(digits+"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "a digit or capital letter")(s); err != nil {
		return err
	}
	if notDigit(s[:1]) < 0 || notDigit(s[1:2]) < 0 || notDigit(s[2:4]) >= 0 {
		return refuse(AICharacter, "%s does not begin with a country and two check digits, as an IBAN does", quote(s))
	}
	if mod97(s[4:]+s[:4]) != 1 {
		return refuse(AICheckDigit, "the checksum of the IBAN %s is wrong", quote(s))
	}
	return nil
}

// mod97 reads digits and capital letters, A being 10, as one number.
func mod97(s string) int {
	n := 0
	for i := range len(s) {
		if c := int(s[i]); c <= '9' {
			n = (n*10 + c - '0') % 97
		} else {
			n = (n*100 + c - 'A' + 10) % 97
		}
	}
	return n
}

func lintImporterIndex(s string) *Error {
	if len(s) != 1 || !strings.Contains(cset64, s) {
		return refuse(AIValue, "%s is not an importer index, one letter, digit, hyphen or underscore", quote(s))
	}
	return nil
}

func lintCountryOr999(s string) *Error {
	if s == "999" {
		return nil
	}
	if !countryNumbers[s] {
		return refuse(AIValue, "%s is neither an ISO 3166-1 numeric country code nor 999", quote(s))
	}
	return nil
}

// lintMediaType accepts the AIDC media types given out (01 to 10) and
// those left to the users (80 to 99).
func lintMediaType(s string) *Error {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 2 || notDigit(s) >= 0 || n < 1 || n > 10 && n < 80 {
		return refuse(AIValue, "%s is not an AIDC media type, 01 to 10 or 80 to 99", quote(s))
	}
	return nil
}

func lintNonZero(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if strings.Trim(s, "0") == "" {
		return refuse(AIValue, "%s must not be zero", quote(s))
	}
	return nil
}

func lintNoZeroPrefix(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if strings.HasPrefix(s, "0") {
		return refuse(AIValue, "%s must not begin with zero", quote(s))
	}
	return nil
}

// lintPercent requires two hexadecimal digits after each percent sign.
func lintPercent(s string) *Error {
	for i := range len(s) {
		if _, ok := escaped(s, i); s[i] == '%' && !ok {
			return refuse(AIValue, "the percent sign at position %d of %s is not followed by two hexadecimal digits", i+1, quote(s))
		}
	}
	return nil
}

// lintPieceOfTotal checks two numbers of equal width: a piece, counted
// from one, and the total of pieces.
func lintPieceOfTotal(s string) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if s == "" || len(s)%2 != 0 {
		return refuse(AILength, "a piece number and a total of the same length cannot have %d digits together", len(s))
	}
	piece, total := s[:len(s)/2], s[len(s)/2:]
	if strings.Trim(piece, "0") == "" || piece > total {
		return refuse(AIValue, "%s is not a piece between 1 and %s", piece, total)
	}
	return nil
}

// lintPositionOfEnd checks "2/3": a position, a slash and an end that is
// not before it.
func lintPositionOfEnd(s string) *Error {
	pos, end, ok := strings.Cut(s, "/")
	if !ok || pos == "" || end == "" || notDigit(pos+end) >= 0 {
		return refuse(AIValue, "%s is not two numbers with a slash between them", quote(s))
	}
	if pos[0] == '0' || end[0] == '0' {
		return refuse(AIValue, "a number in %s begins with zero", quote(s))
	}
	// Without leading zeros the longer number is the greater.
	if len(pos) > len(end) || len(pos) == len(end) && pos > end {
		return refuse(AIValue, "the position in %s is beyond the end", quote(s))
	}
	return nil
}

// lintDate checks a date with a year of two or four digits. A year of
// two is taken from this century: the leap years are those of any other
// that the GS1 rule on centuries can choose before 2050. firstDay is 0
// where the day may be left open.
func lintDate(s string, yearDigits, firstDay int) *Error {
	if err := isDigits(s); err != nil {
		return err
	}
	if len(s) != yearDigits+4 {
		return refuse(AILength, "a date here has %d digits, not %d", yearDigits+4, len(s))
	}
	year, month, day := atoi(s[:yearDigits]), atoi(s[yearDigits:yearDigits+2]), atoi(s[yearDigits+2:])
	if yearDigits == 2 {
		year += 2000
	}
	if month < 1 || month > 12 {
		return refuse(AIValue, "the date %s has no month between 01 and 12", s)
	}
	if last := daysIn(year, month); day < firstDay || day > last {
		return refuse(AIValue, "the date %s has no day between %02d and %d", s, firstDay, last)
	}
	return nil
}

// atoi returns the number that up to four digits spell.
func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func lintZero(s string) *Error {
	if s == "" || strings.Trim(s, "0") != "" {
		return refuse(AIValue, "%s is not zero", quote(s))
	}
	return nil
}
