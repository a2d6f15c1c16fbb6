package scan

import (
	"cmp"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"suyuan/trace"
)

// A Place is a city, or a country where no more is known. The zero value is an
// unknown place.
type Place struct {
	_       struct{} `cbor:",toarray"`
	Country string   // ISO 3166-1 alpha-2, or ""
	Zh, En  string   // what people call it
	Located bool     // whether the position is known
	North   int16    // latitude in tenths of a degree
	East    int16    // longitude in tenths of a degree
}

// IsZero reports whether nothing is known of the place.
func (p Place) IsZero() bool { return p == Place{} }

// Names are what people call the place, in either language.
func (p Place) Names() trace.Names {
	zh, en := trace.Names{Zh: p.Zh, En: p.En}.Either()
	return trace.Names{Zh: cmp.Or(zh, p.Country), En: cmp.Or(en, p.Country)}
}

// At returns the place with a position, rounded to a tenth of a degree (some 10
// km): no finer than a city.
func (p Place) At(latitude, longitude float64) Place {
	if math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 { // neither is NaN
		p.Located = true
		p.North, p.East = int16(math.Round(latitude*10)), int16(math.Round(longitude*10))
	}
	return p
}

// same reports whether two places are one city, however exactly located.
func (p Place) same(q Place) bool { return p.Country == q.Country && p.Zh == q.Zh && p.En == q.En }

// compare orders places, so that everybody picks the same of several.
func (p Place) compare(q Place) int {
	located := func(p Place) int {
		if p.Located {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.Country, q.Country), cmp.Compare(p.Zh, q.Zh), cmp.Compare(p.En, q.En),
		cmp.Compare(located(p), located(q)), cmp.Compare(p.North, q.North), cmp.Compare(p.East, q.East))
}

// sound reports whether the place could have been made by this package.
func (p Place) sound() bool {
	country := p.Country == "" || len(p.Country) == 2 && upper(p.Country[0]) && upper(p.Country[1])
	position := p.North >= -900 && p.North <= 900 && p.East >= -1800 && p.East <= 1800
	return country && position && (p.Located || p.North == 0 && p.East == 0) && nameable(p.Zh) && nameable(p.En)
}

func upper(b byte) bool { return 'A' <= b && b <= 'Z' }

// nameable reports whether s can stand on a page as the name of a place. Other
// people's text must not turn around what stands beside it.
func nameable(s string) bool {
	return len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// kilometres is the distance on a sphere, by the haversine formula.
func (p Place) kilometres(q Place) float64 {
	const radius, tenth = 6371.0, math.Pi / 1800
	north1, north2 := float64(p.North)*tenth, float64(q.North)*tenth
	dNorth, dEast := north2-north1, float64(q.East-p.East)*tenth
	a := math.Pow(math.Sin(dNorth/2), 2) + math.Cos(north1)*math.Cos(north2)*math.Pow(math.Sin(dEast/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(a)))
}

// Known returns the place as [trace.RegionName] names it: the city or province of
// China, else the country, without a position. What it does not know is unknown.
func (p Place) Known() Place {
	region := trace.RegionOf(p.Country, trace.Names{Zh: p.Zh, En: p.En})
	n := trace.RegionName(p.Country, region)
	return NewPlace(p.Country, n.Zh, n.En)
}

// NewPlace makes a place, unknown if its parts cannot be shown.
func NewPlace(country, zh, en string) Place {
	p := Place{Country: strings.ToUpper(country), Zh: zh, En: en}
	if !p.sound() {
		return Place{}
	}
	return p
}

// ParsePlace reads what a proxy says in a header about where a caller is:
// <country>;<city>[;<latitude>,<longitude>], such as CN;330100;30.3,120.2. The
// city is a GB/T 2260 code or a name, percent-encoded where it is not ASCII, or
// empty. What cannot be read is an unknown place.
func ParsePlace(header string) Place {
	if len(header) > 4*maxName {
		return Place{}
	}
	country, rest, _ := strings.Cut(header, ";")
	city, position, _ := strings.Cut(rest, ";")
	country = strings.ToUpper(strings.TrimSpace(country))
	city, err := url.PathUnescape(strings.TrimSpace(city))
	if err != nil {
		return Place{}
	}
	names := trace.Names{Zh: city, En: city}
	if division(city) {
		country = cmp.Or(country, "CN")
		names = trace.RegionName(country, city[:4]+"00")
	} else if city == "" {
		names = trace.RegionName(country, "")
	}
	p := NewPlace(country, names.Zh, names.En)
	latitude, longitude, ok := degrees(position)
	if !ok || city == "" || p.IsZero() {
		return p // the middle of a country is nowhere
	}
	return p.At(latitude, longitude)
}

// division reports whether s is a GB/T 2260 code.
func division(s string) bool {
	return len(s) == 6 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func degrees(s string) (latitude, longitude float64, ok bool) {
	north, east, _ := strings.Cut(s, ",")
	latitude, err := strconv.ParseFloat(strings.TrimSpace(north), 64)
	if err != nil {
		return 0, 0, false
	}
	longitude, err = strconv.ParseFloat(strings.TrimSpace(east), 64)
	return latitude, longitude, err == nil
}
