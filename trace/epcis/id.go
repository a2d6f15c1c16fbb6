package epcis

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/gs1"
)

// An EventName is what an eventID of ours says: the leaf hash of a record's entry
// (RFC 6920), where it stands, and, for a record of several events, which of them
// it is, from 1.
type EventName struct {
	Hash ledger.Hash
	trace.Position
	Part int
}

const (
	hashStem  = "ni:///sha-256;"
	placeMark = "?at="
)

// nameOf names the event of a record, all its parts together.
func nameOf(e *trace.Event) EventName { return EventName{Hash: e.Hash, Position: e.Position} }

// String writes the name as an eventID.
func (n EventName) String() string {
	id := fmt.Sprintf("%s%s%s%d.%d", hashStem, base64.RawURLEncoding.EncodeToString(n.Hash[:]), placeMark, n.Chain, n.Seq)
	if n.Part > 0 {
		id += "." + strconv.Itoa(n.Part)
	}
	return id
}

// ParseEventID reads what String writes. Other ids, such as hashes of events
// ("?ver=CBV2.0"), are not ours.
func ParseEventID(id string) (n EventName, ok bool) {
	name, at, ok := strings.Cut(id, placeMark)
	digest, hash := parseHash(name)
	parts := strings.Split(at, ".")
	var numbers [3]uint64 // chain, seq, part
	if !ok || !hash || len(parts) < 2 || len(parts) > len(numbers) {
		return n, false
	}
	for i := range parts {
		var err error
		if numbers[i], err = strconv.ParseUint(parts[i], 10, 63); err != nil {
			return n, false
		}
	}
	if numbers[0] > math.MaxUint32 || numbers[2] > math.MaxUint32 {
		return n, false
	}
	n = EventName{digest, trace.Position{Chain: uint32(numbers[0]), Seq: numbers[1]}, int(numbers[2])}
	return n, n.String() == id
}

// BaseID is an event's id without the number of its part.
func BaseID(id string) string {
	if n, ok := ParseEventID(id); ok {
		n.Part = 0
		return n.String()
	}
	return id
}

// certificate names a file by its SHA-256 (RFC 6920).
func certificate(digest ledger.Hash) string {
	return hashStem + base64.RawURLEncoding.EncodeToString(digest[:])
}

func parseHash(uri string) (h ledger.Hash, ok bool) {
	text, ok := strings.CutPrefix(uri, hashStem)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != len(h) {
		return h, false
	}
	h = ledger.Hash(raw)
	return h, certificate(h) == uri
}

// A space makes the identifiers of a network for what has none of GS1. Such private
// identifiers are as section 8 of the CBV has them: a URL of a domain with the
// class of the identifier, here below the network's name.
type space string

func newSpace(network string) space { return space("https://" + network + "/") }

// The classes of private identifiers.
const (
	classObject      = "obj/"   // obj/<gtin>/<run>/<index>
	classParty       = "party/" // party/<member>[/<slug>]
	classPlace       = "loc/"   // loc/<member>/<id>
	classTransaction = "bt/"    // bt/<escaped text>
)

// party names a party.
func (s space) party(name string) string { return string(s) + classParty + name }

func (s space) parseParty(uri string) (string, bool) {
	name, ok := strings.CutPrefix(uri, string(s)+classParty)
	return name, ok && trace.CheckParty(name) == nil
}

// place names a place that has no GLN.
func (s space) place(name string) string { return string(s) + classPlace + name }

func (s space) parsePlace(uri string) (string, bool) {
	name, ok := strings.CutPrefix(uri, string(s)+classPlace)
	return name, ok && trace.CheckPlace(name) == nil
}

// object names a code whose serial may not be told, or is not known.
func (s space) object(i trace.Item) string {
	return string(s) + classObject + i.GTIN.String() + "/" + strconv.FormatUint(uint64(i.Run), 10) + "/" + strconv.FormatUint(uint64(i.Index), 10)
}

func (s space) parseObject(uri string) (i trace.Item, ok bool) {
	rest, ok := strings.CutPrefix(uri, string(s)+classObject)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return i, false
	}
	gtin, err := gs1.ParseGTIN(parts[0])
	run, err2 := strconv.ParseUint(parts[1], 10, 16)
	index, err3 := strconv.ParseUint(parts[2], 10, 32)
	i = trace.Code(gtin, uint16(run), uint32(index))
	return i, err == nil && err2 == nil && err3 == nil && s.object(i) == uri
}

// transaction names a document by its number. A number that is a URI already
// stands for itself.
func (s space) transaction(number string) string {
	if isTransaction(number) {
		return number
	}
	return string(s) + classTransaction + url.PathEscape(number)
}

// parseTransaction returns the number for which a URI stands.
func (s space) parseTransaction(uri string) (string, bool) {
	if escaped, ok := strings.CutPrefix(uri, string(s)+classTransaction); ok {
		number, err := url.PathUnescape(escaped)
		return number, err == nil && s.transaction(number) == uri
	}
	return uri, isTransaction(uri)
}

// isTransaction recognises what systems write as ids of documents. Nothing that
// has spaces is a URI.
func isTransaction(text string) bool {
	if strings.ContainsAny(text, " \n") || len(text) > maxURI {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || strings.HasPrefix(text, "urn:") && err == nil
}

// canonical writes the link of elements; they have been checked.
func canonical(list ...gs1.Element) string {
	link, err := gs1.NewLink("", list)
	if err != nil {
		return ""
	}
	return link.Canonical()
}

func ssccLink(s gs1.SSCC) string { return canonical(gs1.Element{AI: "00", Value: s.String()}) }

// classLink names the goods of a GTIN, of one lot where that is known.
func classLink(g gs1.GTIN, lot string) string {
	list := []gs1.Element{{AI: "01", Value: g.String()}}
	if lot != "" {
		list = append(list, gs1.Element{AI: "10", Value: lot})
	}
	return canonical(list...)
}

func glnLink(g gs1.GLN) string { return canonical(gs1.Element{AI: "414", Value: g.String()}) }

// A thing is what an identifier of goods names.
type thing struct {
	link  string     // canonical link of a serial, "" otherwise
	item  trace.Item // a private object, an SSCC, a lot or a product
	gtin  gs1.GTIN
	class bool // a lot or a product
}

// parseThing reads an EPC or a class of EPCs: a Digital Link, an EPC URN or a
// private identifier of the network.
func (s space) parseThing(field, uri string) (thing, error) {
	if len(uri) > maxURI {
		return thing{}, refuse(CodeForm, field, "%d bytes are over the limit of %d", len(uri), maxURI)
	}
	if i, ok := s.parseObject(uri); ok {
		return thing{item: i, gtin: i.GTIN}, nil
	}
	link, err := parseKey(uri)
	if err != nil {
		return thing{}, refuse(CodeID, field, "%v", err)
	}
	if sscc, ok := link.SSCC(); ok {
		return thing{item: trace.Unit(sscc)}, nil
	}
	gtin, ok := link.GTIN()
	switch {
	case !ok:
		return thing{}, refuse(CodeID, field, "names neither a GTIN nor an SSCC")
	case link.Serial() != "":
		return thing{link: canonical(gs1.Element{AI: "01", Value: gtin.String()}, gs1.Element{AI: "21", Value: link.Serial()}), gtin: gtin}, nil
	case link.Lot() != "":
		return thing{item: trace.Lot(gtin, link.Lot()), gtin: gtin, class: true}, nil
	}
	return thing{item: trace.Product(gtin), gtin: gtin, class: true}, nil
}

// parseKey reads a Digital Link or one of the URNs of EPC Tag Data that name the
// same.
func parseKey(uri string) (gs1.Link, error) {
	for _, u := range urns {
		if body, ok := strings.CutPrefix(uri, u.stem); ok {
			list, err := u.elements(body)
			if err != nil {
				return gs1.Link{}, err
			}
			return gs1.NewLink("https://id.gs1.org", list)
		}
	}
	return gs1.ParseLink(uri)
}

// An urn is a kind of EPC URN: GS1 keys with a dot behind the company prefix, and
// without their check digit.
type urn struct {
	stem  string
	parts int
	read  func(part []string) ([]gs1.Element, error)
}

var urns = []urn{
	{"urn:epc:id:sgtin:", 3, func(p []string) ([]gs1.Element, error) { return tradeItem(p, "21") }},
	{"urn:epc:class:lgtin:", 3, func(p []string) ([]gs1.Element, error) { return tradeItem(p, "10") }},
	{"urn:epc:idpat:sgtin:", 3, func(p []string) ([]gs1.Element, error) {
		if p[2] != "*" {
			return nil, refuse(CodeID, "", "a pattern of a GTIN ends in an asterisk")
		}
		return tradeItem(p[:2], "")
	}},
	{"urn:epc:id:sscc:", 2, func(p []string) ([]gs1.Element, error) { return keyOf("00", 17, p[1][:1]+p[0]+p[1][1:]) }},
	{"urn:epc:id:sgln:", 3, func(p []string) ([]gs1.Element, error) {
		list, err := keyOf("414", 12, p[0]+p[1])
		if err == nil && p[2] != "0" {
			list = append(list, gs1.Element{AI: "254", Value: p[2]})
		}
		return list, err
	}},
	{"urn:epc:id:pgln:", 2, func(p []string) ([]gs1.Element, error) { return keyOf("417", 12, p[0]+p[1]) }},
}

func (u urn) elements(body string) ([]gs1.Element, error) {
	parts := strings.SplitN(body, ".", u.parts)
	if len(parts) != u.parts {
		return nil, refuse(CodeID, "", "%s has %d parts with dots between", strings.TrimSuffix(u.stem, ":"), u.parts)
	}
	for i := range parts {
		var err error
		if parts[i], err = url.PathUnescape(parts[i]); err != nil || i == 1 && parts[i] == "" && u.stem != "urn:epc:id:sgln:" && u.stem != "urn:epc:id:pgln:" {
			return nil, refuse(CodeID, "", "part %d of %s is empty or not escaped as it has to be", i+1, strings.TrimSuffix(u.stem, ":"))
		}
	}
	return u.read(parts)
}

// tradeItem reads company prefix, and indicator with item reference.
func tradeItem(p []string, qualifier string) ([]gs1.Element, error) {
	list, err := keyOf("01", 13, p[1][:1]+p[0]+p[1][1:])
	if err == nil && qualifier != "" {
		list = append(list, gs1.Element{AI: qualifier, Value: p[2]})
	}
	return list, err
}

// keyOf adds the check digit to a key.
func keyOf(ai string, digits int, body string) ([]gs1.Element, error) {
	if len(body) != digits || strings.Trim(body, "0123456789") != "" {
		return nil, refuse(CodeID, "", "the key of AI %s has %d digits before its check digit", ai, digits)
	}
	check, err := gs1.CheckDigit(body)
	return []gs1.Element{{AI: ai, Value: body + string(check)}}, err
}

// parseGLN reads the GLN of a place or a party. Parts of a place (AI 254) have no
// record.
func parseGLN(uri string) (gs1.GLN, bool) {
	link, err := parseKey(uri)
	if err != nil || len(link.Qualifiers) > 0 {
		return gs1.GLN{}, false
	}
	return link.GLN()
}
