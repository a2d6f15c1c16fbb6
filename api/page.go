package api

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"

	"suyuan/api/web"
)

// languageCookie keeps the language that a visitor chose, for a year.
const (
	languageCookie    = "lang"
	languageCookieAge = 365 * 24 * 3600
)

// language is the page's language; a choice made by the link is kept.
func (s *Server) language(c *fiber.Ctx) web.Lang {
	l, chosen := web.Choose(c.Query("lang"), c.Cookies(languageCookie), c.Get(fiber.HeaderAcceptLanguage))
	if chosen {
		c.Cookie(&fiber.Cookie{
			Name: languageCookie, Value: l.Short(), Path: "/", MaxAge: languageCookieAge, HTTPOnly: true,
			SameSite: fiber.CookieSameSiteLaxMode, Secure: s.scheme(c) == "https",
		})
	}
	return l
}

// filings are the registration numbers that public pages have to show.
func (s *Server) filings() []string {
	return s.cfg.Chains.Network().Newest().Charter.Settings.Filings
}

func (s *Server) entryPage(c *fiber.Ctx, form *web.Entry) error {
	c.Vary(fiber.HeaderAcceptLanguage, fiber.HeaderCookie)
	var buf bytes.Buffer
	if err := s.pages.Entry(&buf, s.language(c), form); err != nil {
		return err
	}
	return s.sendPage(c, buf.Bytes())
}

// troublePage shows a problem to people, with a form if it can be corrected.
func (s *Server) troublePage(c *fiber.Ctx, p *Problem) error {
	trouble := &web.Trouble{Status: p.Status, Code: p.Code, ID: p.Request, Form: s.correction(c, p), Filings: s.filings()}
	var buf bytes.Buffer
	if err := s.pages.Trouble(&buf, s.language(c), trouble); err != nil {
		return err
	}
	return s.sendPage(c, buf.Bytes())
}

// setPage sets the headers of a page: its policy is the one that fits its inline
// style sheet.
func (s *Server) setPage(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, s.pages.CSP())
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderContentType, typeHTML+"; charset=utf-8")
}

func (s *Server) sendPage(c *fiber.Ctx, page []byte) error {
	s.setPage(c)
	return c.Send(page)
}

// takesGzip reports whether the caller names gzip and does not refuse it.
func takesGzip(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") && c.AcceptsEncodings("gzip") != ""
}

// wantsPage reports whether an error is to be shown as a page: if the caller
// names HTML, as browsers do, outside what is for programs.
func wantsPage(c *fiber.Ctx) bool {
	for _, prefix := range []string{"/api/", "/log/", "/epcis/", "/.well-known/"} {
		if strings.HasPrefix(c.Path(), prefix) {
			return false
		}
	}
	return strings.Contains(c.Get(fiber.HeaderAccept), typeHTML) && c.Accepts(typeHTML, typeJSON) == typeHTML
}
