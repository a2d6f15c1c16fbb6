package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"suyuan/api/web"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
)

// lenient reads what people and older systems write.
var lenient = gs1.Parser{ConvenienceNames: true, ShortGTIN: true, UnknownAttributes: true}

// getCode answers for a code as a page, as JSON or as a linkset.
func (s *Server) getCode(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAccept, fiber.HeaderAcceptLanguage, fiber.HeaderCookie, fiber.HeaderAuthorization)
	link, err := s.requestedLink(c)
	if err != nil {
		return err
	}
	if path, _, _ := strings.Cut(link.String(), "?"); path != s.base(c)+requestPath(c) && shortGTIN(c) {
		return c.Redirect(link.String(), http.StatusPermanentRedirect)
	}
	viewer, err := s.viewer(c)
	if err != nil {
		return err
	}
	known, err := s.cfg.Trails.Answer(c.UserContext(), link.String(), viewer)
	if err != nil {
		return err
	}
	linkType := c.Query("linkType")
	if linkType != "" && !wantsLinkset(linkType) {
		links, err := s.directory(c, link, known)
		if err != nil {
			return err
		}
		if handled, err := links.follow(c, linkType); handled {
			return err
		}
	}
	switch {
	case wantsLinkset(linkType), c.Accepts(typeHTML, typeJSON, typeLinkset) == typeLinkset:
		links, err := s.directory(c, link, known)
		if err != nil {
			return err
		}
		return links.sendLinkset(c)
	case c.Accepts(typeHTML, typeJSON) == typeJSON:
		return sendJSON(c, withScans(known))
	case c.Accepts(typeHTML) == "":
		return NewProblem(http.StatusNotAcceptable, codeNotAcceptable, "a code is answered as text/html, application/json or application/linkset+json")
	}
	c.Set(fiber.HeaderLink, "<"+link.String()+"?linkType=linkset>; rel=\"linkset\"; type=\""+typeLinkset+"\"")
	return s.itemPage(c, link, known)
}

// directory gathers the links of a code.
func (s *Server) directory(c *fiber.Ctx, link gs1.Link, k *Known) (*directory, error) {
	brand, err := k.brandLinks()
	if err != nil {
		return nil, err
	}
	return directoryOf(link, productName(k.Answer).In(s.language(c)), brand), nil
}

// requestPath is the path as it was sent, escapes included, without slashes at
// its end, which are tolerated (section 2.13).
func requestPath(c *fiber.Ctx) string {
	return strings.TrimRight(string(c.Request().URI().PathOriginal()), "/")
}

// requestedLink reads the code that the request's address names.
func (s *Server) requestedLink(c *fiber.Ctx) (gs1.Link, error) {
	target := requestPath(c)
	if query := c.Context().URI().QueryString(); len(query) > 0 {
		target += "?" + string(query)
	}
	link, err := lenient.ParseTarget(target)
	link.Stem = s.base(c)
	return link, err
}

// shortGTIN reports whether the path's GTIN does not have its 14 digits.
func shortGTIN(c *fiber.Ctx) bool {
	gtin, _, _ := strings.Cut(strings.TrimPrefix(requestPath(c), "/01/"), "/")
	return strings.HasPrefix(requestPath(c), "/01/") && len(gtin) != 14
}

// getEntry shows the form, or goes to the code that was typed in.
func (s *Server) getEntry(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	form := &web.Entry{GTIN: typed(c.Query("gtin")), Serial: typed(c.Query("serial")), Filings: s.filings()}
	pasted := strings.TrimSpace(c.Query("link"))
	if form.GTIN == "" && form.Serial == "" && pasted == "" {
		if _, submitted := c.Queries()["gtin"]; submitted {
			form.Field, form.Mistake = "gtin", "empty"
			c.Status(http.StatusBadRequest)
		}
		return s.entryPage(c, form)
	}
	var link gs1.Link
	var err error
	if pasted != "" {
		form.Field = "link"
		link, err = pastedLink(pasted)
	} else {
		link, form.Field, err = typedLink(form.GTIN, form.Serial)
	}
	if err != nil {
		form.Mistake = problemOf(err).Code
		c.Status(http.StatusBadRequest)
		return s.entryPage(c, form)
	}
	link.Stem = "" // whatever site it was pasted from, it is looked up here
	return c.Redirect(link.String(), http.StatusSeeOther)
}

// typed is what was typed into a field, without what nobody meant.
func typed(s string) string {
	s = strings.Join(strings.Fields(s), "")
	return s[:min(len(s), maxInput)]
}

// typedLink makes a link of what was typed; field is where a mistake is. A
// serial that looks like ours is put into the form in which it is printed, also
// with a typing error: the page of the code tells it.
func typedLink(gtin, serial string) (link gs1.Link, field string, err error) {
	g, err := gs1.ParseGTIN(strings.ReplaceAll(gtin, "-", ""))
	if err != nil {
		return link, "gtin", err
	}
	list := []gs1.Element{{AI: "01", Value: g.String()}}
	if serial == "" {
		link, err = gs1.NewLink("", list)
		return link, "gtin", err
	}
	normal := code.Normalize(serial)
	if _, err := code.Parse(normal); !errors.Is(err, code.ErrFormat) {
		serial = normal
	}
	item := gs1.Element{AI: "21", Value: serial}
	if err := item.Check(); err != nil {
		return link, "serial", err
	}
	link, err = gs1.NewLink("", append(list, item))
	return link, "serial", err
}

// pastedLink reads a Digital Link, a part of one, or an element string.
func pastedLink(s string) (gs1.Link, error) {
	switch {
	case strings.HasPrefix(s, "("):
		list, err := gs1.ParseBracketed(s)
		if err != nil {
			return gs1.Link{}, err
		}
		return gs1.NewLink("", list)
	case strings.HasPrefix(s, "/"):
		return lenient.ParseTarget(s)
	}
	return lenient.Parse(s)
}

// correction is the form on the page for a code that has a mistake, filled with
// what the address says; nil if the mistake is none of typing.
func (s *Server) correction(c *fiber.Ctx, p *Problem) *web.Entry {
	if p.Status != http.StatusBadRequest && p.Status != http.StatusNotFound {
		return nil
	}
	form := &web.Entry{Filings: s.filings()}
	parts := strings.Split(requestPath(c), "/")
	for i := 1; i+1 < len(parts); i += 2 {
		value, err := url.PathUnescape(parts[i+1])
		if err != nil {
			continue
		}
		switch parts[i] {
		case "01":
			form.GTIN = typed(value)
		case "21":
			form.Serial = typed(value)
		}
	}
	switch {
	case strings.HasPrefix(p.Code, "gtin-"):
		form.Field, form.Mistake = "gtin", p.Code
	case p.Code == codeCheckChar || p.Code == codeSerial:
		form.Field, form.Mistake = "serial", p.Code
	}
	return form
}
