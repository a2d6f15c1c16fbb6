package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"suyuan/ledger"
	"suyuan/trace/gs1"
)

// A Type says what values a field has: in Go, in CBOR and in JSON. The package
// comment has the table.
type Type string

// The types.
const (
	TypeUint    Type = "uint"    // uint64; JSON number
	TypeBool    Type = "bool"    // bool
	TypeText    Type = "text"    // string of one or more lines
	TypeToken   Type = "token"   // string, a slug: reason codes and the like
	TypeLot     Type = "lot"     // string, characters of AI 10
	TypeSlug    Type = "slug"    // string, a slug: id of an own place or party
	TypeParty   Type = "party"   // string, <member>[/<slug>]
	TypePlace   Type = "place"   // string, <member>/<slug>
	TypeCountry Type = "country" // string, ISO 3166-1 alpha-2
	TypeRegion  Type = "region"  // string, GB/T 2260 (six digits) or ISO 3166-2
	TypeDate    Type = "date"    // string, yyyy-mm-dd
	TypeHash    Type = "hash"    // ledger.Hash; JSON hex
	TypeGTIN    Type = "gtin"    // gs1.GTIN; CBOR number, JSON 14 digits
	TypeGLN     Type = "gln"     // gs1.GLN; CBOR number, JSON 13 digits
	TypeNames   Type = "names"   // Names; CBOR {1: zh, 2: en}
	TypeTexts   Type = "texts"   // []string
	TypeHashes  Type = "hashes"  // []ledger.Hash
	TypeLines   Type = "lines"   // []Line; CBOR [gtin, count]
	TypeCounts  Type = "counts"  // []Count; CBOR [gtin, expected, counted, damaged]
	TypeTime    Type = "time"    // Instant; CBOR ms since 1970 UTC, JSON RFC 3339
	TypeTokens  Type = "tokens"  // []string
	TypeLots    Type = "lots"    // []string
	TypeGTINs   Type = "gtins"   // []gs1.GTIN
	TypeRegions Type = "regions" // []string

	TypeQuantity  Type = "quantity"   // Quantity; CBOR [value, unit]
	TypeURL       Type = "url"        // string, https
	TypeLanguage  Type = "language"   // string, BCP 47: zh, en, zh-Hant
	TypeLinkType  Type = "link-type"  // string, gs1:pip and the like
	TypeMediaType Type = "media-type" // string, type/subtype
)

// An Instant is a moment, in milliseconds since 1970 UTC. JSON shows it as RFC
// 3339 in UTC.
type Instant int64

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) { return json.Marshal(localTime(int64(i), 0)) }

// UnmarshalJSON implements json.Unmarshaler.
func (i *Instant) UnmarshalJSON(b []byte) error {
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return malformed("a time has the form 2026-03-01T08:00:00+08:00: %v", err)
	}
	*i = Instant(t.UnixMilli())
	return nil
}

// A Quantity is so much of what has no serials, in a unit of measure.
type Quantity struct {
	Value uint64 `json:"value"`
	Unit  string `json:"unit"` // UN/ECE Recommendation 20, such as EA, KGM, LTR
}

type wireQuantity struct {
	_     struct{} `cbor:",toarray"`
	Value uint64
	Unit  string
}

// Names is a text in Chinese and English. One of them may be missing.
type Names struct {
	Zh string `cbor:"1,keyasint,omitempty" json:"zh,omitempty"`
	En string `cbor:"2,keyasint,omitempty" json:"en,omitempty"`
}

// A Line of a shipment says how many pieces of a product it has.
type Line struct {
	GTIN  gs1.GTIN `json:"gtin"`
	Count uint64   `json:"count"`
}

// A Count of a receipt says how many pieces of a product were expected and how
// many were there, the damaged ones among them.
type Count struct {
	GTIN     gs1.GTIN `json:"gtin"`
	Expected uint64   `json:"expected"`
	Counted  uint64   `json:"counted"`
	Damaged  uint64   `json:"damaged"`
}

type wireLine struct {
	_           struct{} `cbor:",toarray"`
	GTIN, Count uint64
}

type wireCount struct {
	_                                struct{} `cbor:",toarray"`
	GTIN, Expected, Counted, Damaged uint64
}

// A codec moves values of one type between Go, CBOR and JSON. What decode and
// parse return has been checked.
type codec struct {
	encode func(v any) ([]byte, error)
	decode func(raw []byte) (any, error)
	parse  func(raw json.RawMessage) (any, error)
}

// codecOf makes a codec from a wire type W, that CBOR encodes, and a value type
// V, that JSON shows. check may be nil.
func codecOf[W, V any](toWire func(V) W, fromWire func(W) (V, error), check func(V) error) codec {
	checked := func(v V, err error) (any, error) {
		if err == nil && check != nil {
			err = check(v)
		}
		if err != nil {
			return nil, err
		}
		return v, nil
	}
	return codec{
		encode: func(v any) ([]byte, error) {
			typed, ok := v.(V)
			if !ok {
				return nil, malformed("a value of Go type %T", v)
			}
			return ledger.Marshal(toWire(typed))
		},
		decode: func(raw []byte) (any, error) {
			var w W
			if err := unmarshal(raw, &w); err != nil {
				return nil, err
			}
			return checked(fromWire(w))
		},
		parse: func(raw json.RawMessage) (any, error) {
			if string(raw) == "null" {
				return nil, malformed("null is no value")
			}
			var v V
			dec := json.NewDecoder(bytes.NewReader(raw))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&v); err != nil {
				return nil, malformed("%v", err)
			}
			return checked(v, nil)
		},
	}
}

// plain is the codec of types that are the same in Go and CBOR.
func plain[T any](check func(T) error) codec {
	return codecOf(func(v T) T { return v }, func(v T) (T, error) { return v, nil }, check)
}

// listOf is the codec of lists of elements of one kind.
func listOf[W, V any](toWire func(V) W, fromWire func(W) (V, error), check func(V) error) codec {
	return codecOf(
		func(list []V) []W {
			out := make([]W, len(list))
			for i := range list {
				out[i] = toWire(list[i])
			}
			return out
		},
		func(list []W) ([]V, error) {
			out := make([]V, len(list))
			for i := range list {
				v, err := fromWire(list[i])
				if err != nil {
					return nil, err
				}
				out[i] = v
			}
			return out, nil
		},
		func(list []V) error {
			if len(list) == 0 || len(list) > MaxList {
				return malformed("a list has 1 to %d elements, not %d", MaxList, len(list))
			}
			for i := range list {
				if err := check(list[i]); err != nil {
					return fmt.Errorf("element %d: %w", i, err)
				}
			}
			return nil
		})
}

func same[T any](v T) T           { return v }
func sound[T any](v T) (T, error) { return v, nil }

// codecs has an entry for every type; a test holds that.
var codecs = map[Type]codec{
	TypeUint:    plain(checkUint),
	TypeBool:    plain[bool](nil),
	TypeText:    plain(checkText),
	TypeToken:   plain(ledger.CheckSlug),
	TypeLot:     plain(checkLot),
	TypeSlug:    plain(ledger.CheckSlug),
	TypeParty:   plain(CheckParty),
	TypePlace:   plain(CheckPlace),
	TypeCountry: plain(checkCountry),
	TypeRegion:  plain(checkRegion),
	TypeDate:    plain(checkDate),
	TypeHash:    plain(checkHash),
	TypeGTIN:    codecOf(gs1.GTIN.Uint64, gtinOf, checkGTIN),
	TypeGLN:     codecOf(gs1.GLN.Uint64, gs1.GLNFromUint64, checkGLN),
	TypeNames:   plain(checkNames),
	TypeTexts:   listOf(same[string], sound[string], checkText),
	TypeHashes:  listOf(same[ledger.Hash], sound[ledger.Hash], checkHash),
	TypeLines:   listOf(lineToWire, lineFromWire, checkLine),
	TypeCounts:  listOf(countToWire, countFromWire, checkCount),
	TypeTime:    codecOf(instantToWire, instantFromWire, checkInstant),
	TypeTokens:  listOf(same[string], sound[string], ledger.CheckSlug),
	TypeLots:    listOf(same[string], sound[string], checkLot),
	TypeGTINs:   listOf(gs1.GTIN.Uint64, gtinOf, checkGTIN),
	TypeRegions: listOf(same[string], sound[string], checkRegion),

	TypeQuantity:  codecOf(quantityToWire, quantityFromWire, checkQuantity),
	TypeURL:       plain(checkURL),
	TypeLanguage:  plain(shapeOf(languageForm, "a language such as zh or zh-Hant")),
	TypeLinkType:  plain(checkLinkType),
	TypeMediaType: plain(shapeOf(mediaTypeForm, "a media type such as text/html")),
}

// The shapes of small vocabularies that grow without us.
var (
	languageForm  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)
	linkTypeForm  = regexp.MustCompile(`^gs1:[a-z][A-Za-z0-9]{1,39}$`)
	mediaTypeForm = regexp.MustCompile(`^[a-z0-9]{1,32}/[a-z0-9][a-z0-9.+-]{0,63}$`)
	unitForm      = regexp.MustCompile(`^[A-Z0-9]{2,3}$`)
)

func shapeOf(form *regexp.Regexp, what string) func(string) error {
	return func(s string) error {
		if !form.MatchString(s) {
			return malformed("%q is not %s", strings.ToValidUTF8(s, "?"), what)
		}
		return nil
	}
}

func instantToWire(i Instant) uint64 { return uint64(i) }

func instantFromWire(ms uint64) (Instant, error) {
	if ms > MaxNumber {
		return 0, malformed("the time %d is too late", ms)
	}
	return Instant(ms), nil
}

// checkInstant keeps times within the years that RFC 3339 can write.
func checkInstant(i Instant) error {
	if i <= 0 || time.UnixMilli(int64(i)).UTC().Year() > 9999 {
		return malformed("the time is not between 1970 and 9999")
	}
	return nil
}

func quantityToWire(q Quantity) wireQuantity { return wireQuantity{Value: q.Value, Unit: q.Unit} }

func quantityFromWire(w wireQuantity) (Quantity, error) { return Quantity{w.Value, w.Unit}, nil }

func checkQuantity(q Quantity) error {
	if q.Value == 0 || q.Value > MaxNumber {
		return malformed("a quantity is a number from 1 to %d", uint64(MaxNumber))
	}
	return shapeOf(unitForm, "a unit of UN/ECE Recommendation 20 such as EA or KGM")(q.Unit)
}

// checkURL lets only pages in that a phone may open without a second thought.
// checkURL holds that people can be sent to an address: over TLS, to a public name
// that reads as what it is. Letters beyond ASCII, which may look like others, stand
// in it only as their escapes do.
func checkURL(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil || strings.ContainsAny(s, " \n\"<>\\") || strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return malformed("a link begins with https:// and a host, is ASCII, and has no spaces, quotes or user")
	}
	if !publicHost.MatchString(u.Host) {
		return malformed("the host of a link is a public domain name")
	}
	return nil
}

// publicHost is a domain name of at least two labels, with a port perhaps. The
// last label is no number, so that addresses are none.
var publicHost = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{0,61}[a-zA-Z0-9](:[0-9]{1,5})?$`)

// checkLinkType holds that a link says what it is. What a code's address itself
// leads to is the resolver's business: no record sends people past the page that
// would warn them.
func checkLinkType(s string) error {
	switch s {
	case "gs1:defaultLink", "gs1:defaultLinkMulti", "gs1:linkset", "gs1:all":
		return malformed("the default link of a code is its page; name what the link is about, such as gs1:pip")
	}
	return shapeOf(linkTypeForm, "a link type of the GS1 vocabulary such as gs1:pip")(s)
}

func lineToWire(l Line) wireLine { return wireLine{GTIN: l.GTIN.Uint64(), Count: l.Count} }

func lineFromWire(w wireLine) (Line, error) {
	g, err := gtinOf(w.GTIN)
	return Line{g, w.Count}, err
}

func checkLine(l Line) error {
	if err := checkGTIN(l.GTIN); err != nil {
		return err
	}
	return checkUint(l.Count)
}

func countToWire(c Count) wireCount {
	return wireCount{GTIN: c.GTIN.Uint64(), Expected: c.Expected, Counted: c.Counted, Damaged: c.Damaged}
}

func countFromWire(w wireCount) (Count, error) {
	g, err := gtinOf(w.GTIN)
	return Count{g, w.Expected, w.Counted, w.Damaged}, err
}

func checkCount(c Count) error {
	if c.Damaged > c.Counted {
		return malformed("%d damaged of %d counted", c.Damaged, c.Counted)
	}
	for _, n := range []uint64{c.Expected, c.Counted} {
		if err := checkUint(n); err != nil {
			return err
		}
	}
	return checkGTIN(c.GTIN)
}

func checkUint(n uint64) error {
	if n > MaxNumber {
		return malformed("%d is over the limit of %d", n, uint64(MaxNumber))
	}
	return nil
}

func checkText(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return malformed("the text is empty")
	case len(s) > MaxText:
		return malformed("%d bytes of text are over the limit of %d", len(s), MaxText)
	case !utf8.ValidString(s):
		return malformed("the text is not UTF-8")
	}
	for _, r := range s {
		// Control and format characters could make a page show something else
		// than what was signed, for example by turning the direction.
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return malformed("the text has the control character U+%04X", r)
		}
	}
	return nil
}

func checkNames(n Names) error {
	if n == (Names{}) {
		return malformed("neither a Chinese nor an English text")
	}
	for _, s := range []string{n.Zh, n.En} {
		if s == "" {
			continue
		}
		if err := checkText(s); err != nil {
			return err
		}
	}
	return nil
}

// CheckParty reports whether s names a party: <member> or <member>/<slug>.
func CheckParty(s string) error {
	member, slug, hosted := strings.Cut(s, "/")
	if err := ledger.CheckSlug(member); err != nil {
		return err
	}
	if hosted {
		return ledger.CheckSlug(slug)
	}
	return nil
}

// CheckPlace reports whether s names a place: <member>/<slug>.
func CheckPlace(s string) error {
	if !strings.Contains(s, "/") {
		return malformed("a place is named <member>/<id>, not %q", s)
	}
	return CheckParty(s)
}

func checkCountry(s string) error {
	if len(s) != 2 || !upper(s) {
		return malformed("a country has two capital letters, not %q", s)
	}
	return nil
}

// checkRegion holds the shapes of GB/T 2260 and ISO 3166-2 codes. Codes come
// and go with reforms, so there is no list of them.
func checkRegion(s string) error {
	if len(s) == 6 && strings.Trim(s, "0123456789") == "" && s[0] != '0' {
		return nil
	}
	country, part, ok := strings.Cut(s, "-")
	if ok && len(country) == 2 && upper(country) && len(part) >= 1 && len(part) <= 3 &&
		strings.Trim(part, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return nil
	}
	return malformed("a region has six digits (GB/T 2260) or a form such as FR-33 (ISO 3166-2), not %q", s)
}

func upper(s string) bool {
	for _, c := range []byte(s) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

func checkDate(s string) error {
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Year() < 1970 {
		return malformed("a date has the form 2026-03-01, not %q", s)
	}
	return nil
}

func checkHash(h ledger.Hash) error {
	if h.IsZero() {
		return malformed("the hash is zero")
	}
	return nil
}

func checkGTIN(g gs1.GTIN) error {
	if g.IsZero() {
		return malformed("the GTIN is missing")
	}
	return nil
}

func checkGLN(g gs1.GLN) error {
	if g.IsZero() {
		return malformed("the GLN is missing")
	}
	return nil
}

// Values are the fields of an event by name, each of the Go type that its
// [Type] tells. JSON shows them by name in alphabetical order.
type Values map[string]any

// Text returns a field that is a string of some kind, or "".
func (v Values) Text(name string) string { s, _ := v[name].(string); return s }

// Uint returns a number field, or 0.
func (v Values) Uint(name string) uint64 { n, _ := v[name].(uint64); return n }

// Bool returns a bool field, or false.
func (v Values) Bool(name string) bool { b, _ := v[name].(bool); return b }

// GTIN returns a GTIN field, or none.
func (v Values) GTIN(name string) gs1.GTIN { g, _ := v[name].(gs1.GTIN); return g }

// Hash returns a hash field, or zero.
func (v Values) Hash(name string) ledger.Hash { h, _ := v[name].(ledger.Hash); return h }

// Time returns a time field in ms since 1970 UTC, or 0.
func (v Values) Time(name string) int64 { t, _ := v[name].(Instant); return int64(t) }

// Texts returns a field that is a list of strings of some kind.
func (v Values) Texts(name string) []string { l, _ := v[name].([]string); return l }

// Names returns a field in two languages, or empty ones.
func (v Values) Names(name string) Names { n, _ := v[name].(Names); return n }
