package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"suyuan/trace/gs1"
)

// gs1Vocabulary is what the prefix gs1: stands for.
const gs1Vocabulary = "https://ref.gs1.org/voc/"

// The link types that we offer (GS1 Web Vocabulary).
const (
	linkDefault      = gs1Vocabulary + "defaultLink"
	linkPIP          = gs1Vocabulary + "pip"          // product information page
	linkTraceability = gs1Vocabulary + "traceability" // trail
)

// description is the resolver description file (GS1-Conformant Resolver
// Standard 1.2, section 3).
type description struct {
	Root      string           `json:"resolverRoot"`
	Name      string           `json:"name"`
	Keys      []string         `json:"supportedPrimaryKeys"`
	LinkTypes []linkNamespace  `json:"supportedLinkType"`
	Linkset   bool             `json:"linkTypeDefaultCanBeLinkset"`
	Contact   *resolverContact `json:"contact,omitempty"`
}

type linkNamespace struct {
	Namespace string `json:"namespace"`
	Prefix    string `json:"prefix"`
}

type resolverContact struct {
	Name string `json:"fn"`
}

func resolverDescription(base string) description {
	return description{
		Root: base, Name: "Suyuan", Keys: []string{"01", "00"},
		LinkTypes: []linkNamespace{{gs1Vocabulary, "gs1:"}},
	}
}

func (s *Server) getResolver(c *fiber.Ctx) error {
	if s.cfg.BaseURL != "" {
		return sendWithTag(c, typeJSON, cacheHour, s.resolver.etag, s.resolver.data)
	}
	data, err := encodeJSON(resolverDescription(s.base(c)))
	if err != nil {
		return err
	}
	return sendTagged(c, typeJSON, cacheCheck, data)
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$`)

// base is the URL before /01/: the configured one, or a guess from the request.
func (s *Server) base(c *fiber.Ctx) string {
	if s.cfg.BaseURL != "" {
		return s.cfg.BaseURL
	}
	host := string(c.Context().Host())
	if !hostForm.MatchString(host) {
		host = "localhost"
	}
	return s.scheme(c) + "://" + host
}

// scheme is how the caller reached the site: as configured, by TLS here, or as
// a trusted proxy says.
func (s *Server) scheme(c *fiber.Ctx) string {
	switch {
	case strings.HasPrefix(s.cfg.BaseURL, "https:"), c.Secure(),
		c.Get(fiber.HeaderXForwardedProto) == "https" && s.trusted(connAddress(c)):
		return "https"
	}
	return "http"
}

// A linkset is RFC 9264 JSON with one entry.
type linkset struct {
	Linkset []map[string]any `json:"linkset"`
}

// A target is one link of a linkset.
type target struct {
	Href  string   `json:"href"`
	Title string   `json:"title"`
	Type  string   `json:"type,omitempty"`
	Lang  []string `json:"hreflang,omitempty"`
}

// links are the targets that we have for a code, by link type. Whatever the
// code, there is a default link: an item that is not known has a page that says
// so, with the links of its product (section 2.5.9, walking up).
func links(l gs1.Link, product string) map[string][]target {
	self := l.String()
	name := product
	if name == "" {
		name = l.Key.String()
	}
	set := map[string][]target{
		linkDefault: {{Href: self, Title: name}},
		linkTraceability: {
			{Href: self, Title: name + ": 流通记录", Type: typeHTML, Lang: []string{"zh", "en"}},
			{Href: l.Stem + "/api/v1/trail?uri=" + queryEscape(self), Title: name + ": trail", Type: typeJSON},
			{Href: l.Stem + "/api/v1/proof?uri=" + queryEscape(self), Title: name + ": proof bundle", Type: typeJSON},
		},
	}
	if gtin, ok := l.GTIN(); ok {
		page := l.Stem + "/01/" + gtin.String()
		set[linkPIP] = []target{{Href: page, Title: name, Type: typeHTML, Lang: []string{"zh", "en"}}}
	}
	return set
}

// queryEscape escapes a URI for a query, where colon and slash may stand.
func queryEscape(uri string) string {
	return strings.NewReplacer("%", "%25", "&", "%26", "+", "%2B", "#", "%23", " ", "%20").Replace(uri)
}

// sendLinkset answers all links (section 2.9).
func sendLinkset(c *fiber.Ctx, l gs1.Link, product string) error {
	entry := map[string]any{"anchor": l.String()}
	if product != "" {
		entry["itemDescription"] = product
	}
	for relation, targets := range links(l, product) {
		entry[relation] = targets
	}
	c.Set(fiber.HeaderLink, `<https://ref.gs1.org/standards/resolver/linkset-context>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"`)
	if err := sendJSON(c, linkset{[]map[string]any{entry}}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, typeLinkset)
	return nil
}

// wantsLinkset reports whether the parameter linkType asks for all links. Its
// value was all until version 1.1 of the standard.
func wantsLinkset(linkType string) bool {
	return linkType == "all" || linkType == "linkset"
}

// followLink goes to the link of a type (section 2.6.2). handled is false if
// the link is the page that was asked for: then it is to be shown.
func followLink(c *fiber.Ctx, l gs1.Link, linkType string) (handled bool, err error) {
	if rest, ok := strings.CutPrefix(linkType, "gs1:"); ok {
		linkType = gs1Vocabulary + rest
	}
	targets, ok := links(l, "")[linkType]
	if !ok {
		p := NewProblem(http.StatusNotFound, codeLinkType, "there is no link of this type for the code; linkType=linkset lists those there are")
		p.Field = "linkType"
		return true, p
	}
	here := slices.ContainsFunc(targets, func(t target) bool { return t.Href == l.String() })
	if here {
		return false, nil
	}
	// The query goes along unchanged (section 2.12), but for what would lead
	// round in a circle.
	query := c.Context().QueryArgs()
	query.Del("linkType")
	to := targets[0].Href
	if query.Len() > 0 {
		to += "?" + query.String()
	}
	return true, c.Redirect(to, http.StatusTemporaryRedirect)
}
