package gs1

import (
	"slices"
	"strings"
)

// canonicalStem is the resolver that GS1 itself runs; the Digital Link
// standard builds the canonical form on it.
const canonicalStem = "https://id.gs1.org"

// A Link is what a Digital Link URI says.
type Link struct {
	// Stem is the URI up to the slash before the key, as it was spelled:
	// scheme, host and the first part of the path, if any. It is empty
	// where only a request target was read.
	Stem string

	Key        Element   // a primary key
	Qualifiers []Element // in the order that the key prescribes
	Attributes []Element // query parameters, in their order in the URI
}

// ParseLink reads an uncompressed Digital Link URI as the standard has
// it. See [Parser] for leniences.
func ParseLink(uri string) (Link, error) { return Parser{}.Parse(uri) }

// A Parser reads Digital Link URIs. Its zero value follows the standard;
// each field makes it accept more.
type Parser struct {
	// ConvenienceNames accepts words for AIs in the path, such as
	// /gtin/.../ser/..., which early versions of the standard had.
	ConvenienceNames bool

	// ShortGTIN accepts a GTIN of 8, 12 or 13 digits and pads it.
	ShortGTIN bool

	// UnknownAttributes accepts query parameters that are named with two
	// to four digits but are no AI that we know.
	UnknownAttributes bool
}

// Parse reads a URI.
func (p Parser) Parse(uri string) (Link, error) {
	if err := checkURI(uri); err != nil {
		return Link{}, err
	}
	origin, target, err := cutOrigin(uri)
	if err != nil {
		return Link{}, err
	}
	return p.parse(origin, target)
}

// ParseTarget reads the path and query of a URI, such as the target of
// an HTTP request, as it was sent: with its escapes. The stem of the
// link is what precedes the key in the path.
func (p Parser) ParseTarget(target string) (Link, error) {
	if err := checkURI(target); err != nil {
		return Link{}, err
	}
	if !strings.HasPrefix(target, "/") {
		return Link{}, refuse(NotDigitalLink, "the request target %s does not begin with a slash", quote(target))
	}
	return p.parse("", target)
}

// NewLink makes a link from elements in any order. The first primary key
// among them is the key, those that qualify it go into the path, and
// others become attributes, those of predefined length first. One element
// given twice counts once. The stem is scheme, host and perhaps a path,
// without a slash at its end, or empty.
func NewLink(stem string, list []Element) (Link, error) {
	stem, err := checkStem(stem)
	if err != nil {
		return Link{}, err
	}
	list, err = distinct(list)
	if err != nil {
		return Link{}, err
	}
	i := slices.IndexFunc(list, func(e Element) bool { return table[e.AI].PrimaryKey })
	if i < 0 {
		return Link{}, refuse(NotDigitalLink, "none of the elements is a primary key")
	}
	l := Link{Stem: stem, Key: list[i]}
	rest := slices.Delete(list, i, i+1)
	l.Qualifiers, rest = takeQualifiers(l.Key, rest)
	for _, predefined := range []bool{true, false} {
		for _, e := range rest {
			if table[e.AI].Predefined != predefined {
				continue
			}
			if err := l.addAttribute(e); err != nil {
				return Link{}, err
			}
		}
	}
	if n := len(l.String()); n > MaxURIBytes {
		return Link{}, refuse(URILength, "the link would have %d bytes, more than the %d that are safe", n, MaxURIBytes)
	}
	return l, nil
}

// String returns the URI, or a request target if there is no stem.
func (l Link) String() string {
	if l.Key == (Element{}) {
		return l.Stem
	}
	var b strings.Builder
	b.WriteString(l.Stem)
	writePair(&b, l.Key)
	for _, e := range l.Qualifiers {
		writePair(&b, e)
	}
	for i, e := range l.Attributes {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(e.AI + "=" + escape(e.Value, true))
	}
	return b.String()
}

func writePair(b *strings.Builder, e Element) {
	b.WriteString("/" + e.AI + "/" + escape(e.Value, false))
}

// Canonical returns the one URI that is the same for all links with the
// same data.
func (l Link) Canonical() string {
	l.Stem = canonicalStem
	l.Attributes = slices.Clone(l.Attributes)
	slices.SortFunc(l.Attributes, func(a, b Element) int { return strings.Compare(a.AI, b.AI) })
	return l.String()
}

// Elements returns key, qualifiers and attributes in this order.
func (l Link) Elements() []Element {
	return slices.Concat([]Element{l.Key}, l.Qualifiers, l.Attributes)
}

// GTIN returns the key if it is that of a trade item, AI (01).
func (l Link) GTIN() (GTIN, bool) {
	if l.Key.AI != "01" {
		return GTIN{}, false
	}
	g, err := ParseGTIN(l.Key.Value)
	return g, err == nil
}

// SSCC returns the key if it is that of a logistic unit, AI (00).
func (l Link) SSCC() (SSCC, bool) {
	if l.Key.AI != "00" {
		return SSCC{}, false
	}
	s, err := ParseSSCC(l.Key.Value)
	return s, err == nil
}

// GLN returns the key if it is that of a place, AI (414), or of a party,
// AI (417).
func (l Link) GLN() (GLN, bool) {
	if l.Key.AI != "414" && l.Key.AI != "417" {
		return GLN{}, false
	}
	g, err := ParseGLN(l.Key.Value)
	return g, err == nil
}

// Serial returns the serial number of the item, AI (21), or nothing.
func (l Link) Serial() string { return l.qualifier("21") }

// Lot returns the batch or lot of the item, AI (10), or nothing.
func (l Link) Lot() string { return l.qualifier("10") }

func (l Link) qualifier(ai string) string {
	for _, e := range l.Qualifiers {
		if e.AI == ai {
			return e.Value
		}
	}
	return ""
}

// parse reads what follows the origin in a URI.
func (p Parser) parse(origin, target string) (Link, error) {
	target, _, _ = strings.Cut(target, "#")
	path, query, _ := strings.Cut(target, "?")
	l, err := p.parsePath(path)
	if err != nil {
		return Link{}, err
	}
	l.Stem = origin + l.Stem
	for param := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(param, "=")
		e := Element{AI: unescape(name, true), Value: unescape(value, true)}
		if e.AI == "" || notDigit(e.AI) >= 0 {
			continue // not GS1 data
		}
		if err := p.addParameter(&l, e); err != nil {
			return Link{}, err
		}
	}
	return l, nil
}

// parsePath walks from the end of the path to the last primary key.
func (p Parser) parsePath(path string) (Link, error) {
	segments := strings.Split(path, "/")
	var pairs []Element
	for i := len(segments) - 2; i >= 1; i -= 2 {
		ai, ok := LookupAI(p.code(unescape(segments[i], false)))
		if !ok {
			break
		}
		pairs = append(pairs, Element{ai.Code, unescape(segments[i+1], false)})
		if ai.PrimaryKey {
			slices.Reverse(pairs)
			l := Link{Stem: strings.Join(segments[:i], "/"), Key: p.pad(pairs[0]), Qualifiers: pairs[1:]}
			return l, l.checkPath()
		}
	}
	return Link{}, refuse(NotDigitalLink, "the path %s does not end in a GS1 key and its qualifiers", quote(path))
}

func (l *Link) checkPath() error {
	for _, e := range append([]Element{l.Key}, l.Qualifiers...) {
		if err := e.Check(); err != nil {
			return err
		}
	}
	if len(l.Qualifiers) == 0 {
		return nil
	}
	for _, seq := range table[l.Key.AI].sequences {
		if inOrder(l.Qualifiers, seq) {
			return nil
		}
	}
	return withAI(l.Key.AI, refuse(KeyQualifier, "the identifiers after this key in the path do not qualify it, or not in this order"))
}

// inOrder reports whether the qualifiers are seq with parts left out.
func inOrder(qualifiers []Element, seq []string) bool {
	for _, q := range qualifiers {
		i := slices.Index(seq, q.AI)
		if i < 0 {
			return false
		}
		seq = seq[i+1:]
	}
	return true
}

// addParameter adds a query parameter named with digits.
func (p Parser) addParameter(l *Link, e Element) error {
	if _, ok := LookupAI(e.AI); !ok && p.UnknownAttributes && len(e.AI) >= 2 && len(e.AI) <= 4 {
		if err := checkUnknown(e); err != nil {
			return err
		}
		return l.append(e)
	}
	e = p.pad(e)
	if err := e.Check(); err != nil {
		return err
	}
	return l.addAttribute(e)
}

// addAttribute adds an element that is known to be right by itself.
func (l *Link) addAttribute(e Element) error {
	if table[l.Key.AI].hasQualifier(e.AI) {
		return withAI(e.AI, refuse(AttributePosition, "it qualifies the key and belongs in the path"))
	}
	if !table[e.AI].Attribute {
		return withAI(e.AI, refuse(AttributePosition, "it is not allowed in the query of a Digital Link"))
	}
	return l.append(e)
}

func (l *Link) append(e Element) error {
	for _, o := range l.Elements() {
		if o.AI == e.AI {
			return withAI(e.AI, refuse(AIRepeated, "it is in the link twice"))
		}
	}
	l.Attributes = append(l.Attributes, e)
	return nil
}

func checkUnknown(e Element) error {
	if len(e.Value) < 1 || len(e.Value) > maxUnknownValue {
		return withAI(e.AI, refuse(AILength, "the value has %s, not %d", lengths(1, maxUnknownValue), len(e.Value)))
	}
	if err := isCset82(e.Value); err != nil {
		return withAI(e.AI, err)
	}
	return nil
}

// code returns the AI that a path segment names.
func (p Parser) code(segment string) string {
	if code, ok := convenienceNames[segment]; ok && p.ConvenienceNames {
		return code
	}
	return segment
}

// convenienceNames are the words of early versions of the standard.
var convenienceNames = map[string]string{
	"gtin": "01", "cpv": "22", "lot": "10", "ser": "21",
	"itip": "8006", "gmn": "8013", "cpid": "8010", "cpsn": "8011",
	"sscc": "00", "gsin": "402", "ginc": "401",
	"gln": "414", "glnx": "254", "party": "417", "payTo": "415", "refno": "8020",
	"gsrnp": "8017", "gsrn": "8018", "srin": "8019",
	"gcn": "255", "gdti": "253", "giai": "8004", "grai": "8003",
}

// pad pads a short GTIN where that is allowed.
func (p Parser) pad(e Element) Element {
	if p.ShortGTIN && e.AI == "01" && slices.Contains(gtinKind.lengths, len(e.Value)) {
		e.Value = strings.Repeat("0", gtinKind.width()-len(e.Value)) + e.Value
	}
	return e
}

// distinct checks the elements and drops those that came before.
func distinct(list []Element) ([]Element, error) {
	var kept []Element
	for _, e := range list {
		if err := e.Check(); err != nil {
			return nil, err
		}
		if slices.Contains(kept, e) {
			continue
		}
		if err := checkRepeated(e, kept); err != nil {
			return nil, err
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// takeQualifiers takes from list the elements of that sequence of the
// key's qualifiers of which the most are there.
func takeQualifiers(key Element, list []Element) (taken, rest []Element) {
	for _, seq := range table[key.AI].sequences {
		var found []Element
		for _, code := range seq {
			i := slices.IndexFunc(list, func(e Element) bool { return e.AI == code })
			if i >= 0 {
				found = append(found, list[i])
			}
		}
		if len(found) > len(taken) {
			taken = found
		}
	}
	return taken, slices.DeleteFunc(list, func(e Element) bool { return slices.Contains(taken, e) })
}
