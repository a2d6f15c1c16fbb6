package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/language"

	"suyuan/trace"
	"suyuan/trace/gs1"
)

// A target is one link of a linkset.
type target struct {
	Href  string   `json:"href"`
	Title string   `json:"title"`
	Type  string   `json:"type,omitempty"`
	Lang  []string `json:"hreflang,omitempty"`

	scope trace.Item // of the brand's: what it is for
}

// A directory is what a resolver knows about one code: links by type.
type directory struct {
	link    gs1.Link
	product string // its name, or nothing
	targets map[string][]target
}

// directoryOf gathers all links of a code. Whatever the code, there is a default
// link: an item that is not known has a page that says so, with the links of its
// product (section 2.5.9, walking up). The default link is always the page here,
// since who scans a code is to see what speaks against it first; what the brand
// names stands under its own types, and before ours of the same type.
func directoryOf(l gs1.Link, product string, brand []trace.Link) *directory {
	d := &directory{link: l, product: product, targets: make(map[string][]target)}
	for _, b := range brand {
		relation := fullType(b.Type)
		d.targets[relation] = append(d.targets[relation], d.branded(b))
	}
	self, name := l.String(), d.name()
	both := []string{"zh", "en"}
	d.add(linkDefault, target{Href: self, Title: name})
	d.add(linkTraceability,
		target{Href: self, Title: name + ": 流通记录", Type: typeHTML, Lang: both},
		target{Href: l.Stem + "/api/v1/trail?uri=" + queryEscape(self), Title: name + ": trail", Type: typeJSON},
		target{Href: l.Stem + "/api/v1/proof?uri=" + queryEscape(self), Title: name + ": proof bundle", Type: typeJSON})
	if gtin, ok := l.GTIN(); ok && len(d.targets[linkPIP]) == 0 {
		d.add(linkPIP, target{Href: l.Stem + "/01/" + gtin.String(), Title: name, Type: typeHTML, Lang: both})
	}
	return d
}

func (d *directory) add(relation string, list ...target) {
	d.targets[relation] = append(d.targets[relation], list...)
}

// name is what stands for the code in titles.
func (d *directory) name() string {
	if d.product != "" {
		return d.product
	}
	return d.link.Key.String()
}

// branded is a link of the brand's. Its title is in its own language, if there is
// one.
func (d *directory) branded(b trace.Link) target {
	zh, en := b.Title.Either()
	t := target{Href: b.Href, Title: zh, Type: b.MediaType, scope: b.Scope}
	if b.Language != "" {
		t.Lang = []string{b.Language}
		if !strings.HasPrefix(b.Language, "zh") {
			t.Title = en
		}
	}
	if t.Title == "" {
		t.Title = d.name() + ": " + strings.TrimPrefix(b.Type, "gs1:")
	}
	return t
}

// fullType writes a link type with its namespace.
func fullType(linkType string) string {
	if rest, ok := strings.CutPrefix(linkType, "gs1:"); ok {
		return gs1Vocabulary + rest
	}
	return linkType
}

// entry is the code's entry in a linkset, with the links of the types given.
func (d *directory) entry(relations ...string) map[string]any {
	e := map[string]any{"anchor": d.link.String()}
	if d.product != "" {
		e["itemDescription"] = d.product
	}
	for _, r := range relations {
		e[r] = d.targets[r]
	}
	return e
}

// choose returns the targets of a type that suit the caller equally well: of those
// for the narrowest thing, by language and then by media type (section 2.6.3).
func choose(c *fiber.Ctx, list []target) []target {
	narrow := slices.IndexFunc(list, func(t target) bool { return t.scope != list[0].scope })
	if narrow > 0 {
		list = list[:narrow]
	}
	list = byLanguage(list, c.Get(fiber.HeaderAcceptLanguage))
	if accept := c.Get(fiber.HeaderAccept); accept != "" {
		list = byMediaType(c, list)
	}
	return list
}

// byLanguage keeps the targets in the language that the caller likes best. Where
// the caller names none, or none of those there are, all stay.
func byLanguage(list []target, accept string) []target {
	var tags []language.Tag
	var with []target
	for _, t := range list {
		for _, name := range t.Lang {
			if tag, err := language.Parse(name); err == nil {
				tags, with = append(tags, tag), append(with, t)
			}
		}
	}
	if accept == "" || len(accept) > maxAcceptLanguage || len(tags) == 0 {
		return list
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return list
	}
	_, at, confidence := language.NewMatcher(tags).Match(wanted...)
	if confidence == language.No {
		return list
	}
	var best []target
	for i, t := range with {
		if tags[i] == tags[at] {
			best = append(best, t)
		}
	}
	return best
}

// byMediaType keeps the targets of the media type that the caller likes best.
// What does not say its type is taken for a page.
func byMediaType(c *fiber.Ctx, list []target) []target {
	var offers []string
	for _, t := range list {
		offers = append(offers, mediaType(t))
	}
	best := c.Accepts(offers...)
	if best == "" {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(t target) bool { return mediaType(t) != best })
}

func mediaType(t target) string {
	if t.Type == "" {
		return typeHTML
	}
	return t.Type
}

// follow goes to the link of a type (section 2.6.2). handled is false if the
// link is the page that was asked for: then it is to be shown.
func (d *directory) follow(c *fiber.Ctx, linkType string) (handled bool, err error) {
	relation := fullType(linkType)
	if len(d.targets[relation]) == 0 {
		p := NewProblem(http.StatusNotFound, codeLinkType, "there is no link of this type for the code; linkType=linkset lists those there are")
		p.Field = "linkType"
		return true, p
	}
	if slices.ContainsFunc(d.targets[relation], func(t target) bool { return t.Href == d.link.String() }) {
		return false, nil
	}
	best := choose(c, d.targets[relation])
	c.Set(fiber.HeaderLink, "<"+d.link.String()+"?linkType=linkset>; rel=\"linkset\"; type=\""+typeLinkset+"\"")
	if len(best) > 1 {
		d.targets[relation] = best
		return true, d.sendChoices(c, relation)
	}
	// The query goes along unchanged (section 2.12), but for what would lead
	// round in a circle. What it adds stays within the address that the brand
	// named: nobody's parameter chooses where the redirect goes.
	query := c.Context().QueryArgs()
	query.Del("linkType")
	return true, c.Redirect(withQuery(best[0].Href, query.String()), http.StatusTemporaryRedirect)
}

// withQuery adds a query to an address, which may have one and a fragment.
func withQuery(href, query string) string {
	if query == "" {
		return href
	}
	address, fragment, found := strings.Cut(href, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	if address += separator + query; found {
		address += "#" + fragment
	}
	return address
}

// sendChoices answers with the links among which only the caller can choose.
func (d *directory) sendChoices(c *fiber.Ctx, relation string) error {
	c.Status(http.StatusMultipleChoices)
	return sendEntry(c, d.entry(relation))
}

// sendLinkset answers all links (section 2.9).
func (d *directory) sendLinkset(c *fiber.Ctx) error {
	return sendEntry(c, d.entry(slices.Sorted(maps.Keys(d.targets))...))
}

// linksetContext is the JSON-LD context of linksets.
const linksetContext = `<https://ref.gs1.org/standards/resolver/linkset-context>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"`

// sendEntry answers an RFC 9264 linkset of one entry.
func sendEntry(c *fiber.Ctx, entry map[string]any) error {
	c.Append(fiber.HeaderLink, linksetContext)
	if err := sendJSON(c, fiber.Map{"linkset": []map[string]any{entry}}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, typeLinkset)
	return nil
}
