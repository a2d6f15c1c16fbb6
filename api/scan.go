package api

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"suyuan/api/web"
	"suyuan/trace"
	"suyuan/trace/scan"
)

// Scans counts the pages of codes that phones load. A [Config.Trails] that
// implements it has its pages counted, by a picture of one pixel that browsers
// load with the page, also without JavaScript and from a page that they kept.
type Scans interface {
	// Token returns a name for the picture on the page of an answer, of letters,
	// digits, - and _, or "" if its scans do not count.
	Token(a *trace.Answer) string

	// Take takes down that the picture was loaded. The token may be anything. It
	// does not wait.
	Take(token string, v Visitor)
}

// A Visitor is who has loaded a page.
type Visitor struct {
	Addr     netip.Addr
	Cookie   string // that this server gave the device, or ""
	Agent    string // User-Agent
	Loopback bool   // on this machine and not through a proxy

	// Proxy returns a header of the request if a trusted proxy sent it, or "". It
	// must not be called after Take has returned.
	Proxy func(header string) string
}

const (
	visitorCookie    = "visitor"
	visitorCookieAge = 365 * 24 * 3600
	visitorBytes     = 16
)

// pixel is a transparent PNG of one pixel.
var pixel = []byte("\x89\x50\x4e\x47\x0d\x0a\x1a\x0a" +
	"\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\x0b\x49\x44\x41\x54\x78\xda\x63\x60\x00\x02\x00\x00\x05\x00\x01\xe9\xfa\xdc\xd8" +
	"\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82")

// scans returns what counts scans, or nil.
func (s *Server) scans() Scans {
	scans, _ := s.cfg.Trails.(Scans)
	return scans
}

// beacon returns the path of the picture that counts the page, and gives the
// device a cookie. Our own staff, who come with a token or over the socket, get
// neither.
func (s *Server) beacon(c *fiber.Ctx, a *trace.Answer) (string, error) {
	scans := s.scans()
	if scans == nil {
		return "", nil
	}
	staff, err := s.caller(c)
	if staff != nil || err != nil {
		return "", err
	}
	token := scans.Token(a)
	if token == "" {
		return "", nil
	}
	if visitorOf(c) == "" {
		s.giveCookie(c)
	}
	return "/scan/" + token + ".png", nil
}

func (s *Server) giveCookie(c *fiber.Ctx) {
	var b [visitorBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	c.Cookie(&fiber.Cookie{
		Name: visitorCookie, Value: base64.RawURLEncoding.EncodeToString(b[:]), Path: "/", MaxAge: visitorCookieAge,
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: s.scheme(c) == "https",
	})
}

// visitorOf returns the device's cookie if it has the form of ours.
func visitorOf(c *fiber.Ctx) string {
	v := c.Cookies(visitorCookie)
	if b, err := base64.RawURLEncoding.Strict().DecodeString(v); err != nil || len(b) != visitorBytes {
		return ""
	}
	return v
}

// getScan answers with the picture, whatever is asked, so that it tells nobody
// anything and never shows as broken.
func (s *Server) getScan(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Response().Header.Del(fiber.HeaderAccessControlAllowOrigin)
	staff, err := s.caller(c)
	if scans := s.scans(); scans != nil && staff == nil && err == nil && fromPage(c) {
		scans.Take(c.Params("token"), s.visitor(c))
	}
	c.Set(fiber.HeaderContentType, typePNG)
	return c.Send(pixel)
}

// fromPage reports whether the picture may have been loaded by a page of ours.
// Browsers say so since 2020 (Fetch Metadata Request Headers); what says nothing
// is believed. A page of somebody else with this picture counts for nothing, nor
// does a page that nobody has looked at yet.
func fromPage(c *fiber.Ctx) bool {
	site, dest := c.Get("Sec-Fetch-Site"), c.Get("Sec-Fetch-Dest")
	return c.Method() == fiber.MethodGet && (site == "" || site == "same-origin") && (dest == "" || dest == "image") &&
		c.Get("Sec-Purpose") == "" && c.Get("Purpose") != "prefetch"
}

// visitor says who has loaded the page.
func (s *Server) visitor(c *fiber.Ctx) Visitor {
	trusted := s.trusted(connAddress(c))
	return Visitor{
		Addr: s.address(c), Cookie: visitorOf(c), Agent: c.Get(fiber.HeaderUserAgent), Loopback: s.local(c),
		Proxy: func(header string) string {
			if !trusted {
				return ""
			}
			return c.Get(header)
		},
	}
}

// A scannedAnswer is an answer with what is known of scans in its now.
type scannedAnswer struct {
	*trace.Answer
	Now scannedNow `json:"now"`
}

type scannedNow struct {
	trace.Now
	Scans *scan.Summary `json:"scans,omitempty"`
}

func withScans(k *Known) any {
	return scannedAnswer{k.Answer, scannedNow{k.Now, k.Scans}}
}

// scansView puts scans into the plain values of a page.
func scansView(s *scan.Summary) *web.Scans {
	if s == nil {
		return nil
	}
	v := &web.Scans{Count: s.Count}
	if s.First != nil {
		v.First = s.First.At
		if city := s.First.City; city != nil {
			v.City = web.Text{Zh: city.Zh, En: city.En}
		}
	}
	return v
}

// AtShutdown has something done when the server has stopped answering. What
// outlives the requests, such as a recorder of scans, is closed so.
func (s *Server) AtShutdown(do func() error) {
	s.app.Hooks().OnShutdown(func() error {
		if err := do(); err != nil {
			return fmt.Errorf("after the last request: %w", err)
		}
		return nil
	})
}
