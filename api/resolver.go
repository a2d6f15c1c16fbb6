package api

import (
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
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

// queryEscape escapes a URI for a query, where colon and slash may stand.
func queryEscape(uri string) string {
	return strings.NewReplacer("%", "%25", "&", "%26", "+", "%2B", "#", "%23", " ", "%20").Replace(uri)
}

// wantsLinkset reports whether the parameter linkType asks for all links. Its
// value was all until version 1.1 of the standard.
func wantsLinkset(linkType string) bool {
	return linkType == "all" || linkType == "linkset"
}
