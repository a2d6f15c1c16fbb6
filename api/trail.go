package api

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"suyuan/trace"
	"suyuan/trace/proof"
	"suyuan/trace/scan"
)

// Trails answers for codes.
type Trails interface {
	// Answer returns what is known of the item, lot, product or unit that a GS1
	// Digital Link URI or a bracketed element string names, with what the viewer
	// may see who presents it. A code that was never issued, or is not known yet,
	// is an answer; a malformed one is an error of packages gs1 or code; a
	// product that nobody has registered is a Problem with status 404 and code
	// "unknown-product".
	Answer(ctx context.Context, uri string, viewer Viewer) (*Known, error)

	// Proof returns the bundle with which a verifier can check the answer.
	// Errors are those of Answer.
	Proof(ctx context.Context, uri string, viewer Viewer) (*proof.Bundle, error)
}

// A Known is what is known of a code.
type Known struct {
	*trace.Answer

	// Scans is what is known of the scans of the answer's item, nil if these do not
	// count.
	Scans *scan.Summary

	// Links returns the pages that the brand names for what was asked: those for
	// the item first, then those for its lot, if that is known, then those for its
	// product. There are none for what is not known. A nil Links names none.
	Links func() ([]trace.Link, error)
}

// brandLinks are the links, if there can be any.
func (k *Known) brandLinks() ([]trace.Link, error) {
	if k.Links == nil {
		return nil, nil
	}
	return k.Links()
}

func (s *Server) getTrail(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAuthorization)
	uri, viewer, err := s.question(c)
	if err != nil {
		return err
	}
	known, err := s.cfg.Trails.Answer(c.UserContext(), uri, viewer)
	if err != nil {
		return err
	}
	return sendAnswer(c, known)
}

func (s *Server) getProof(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, cacheNever)
	c.Vary(fiber.HeaderAuthorization)
	uri, viewer, err := s.question(c)
	if err != nil {
		return err
	}
	bundle, err := s.cfg.Trails.Proof(c.UserContext(), uri, viewer)
	if err != nil {
		return err
	}
	// A proof of absence reveals two elements of a pack.
	if bundle.Code.Absent != nil && viewer.Member == "" && !s.absences.allow(s.clientOf(c)) {
		return tooMany("proofs that a code was never issued are limited; try again in some seconds")
	}
	return sendJSON(c, bundle)
}

// question reads the parameter uri, which must be well formed, and on whose
// behalf it is asked.
func (s *Server) question(c *fiber.Ctx) (uri string, viewer Viewer, err error) {
	if uri, err = required(c, "uri"); err != nil {
		return "", viewer, err
	}
	link, err := pastedLink(uri)
	if err != nil {
		p := problemOf(err)
		p.Field = "uri"
		return "", viewer, p
	}
	if link.Key.AI != "01" && link.Key.AI != "00" {
		p := NewProblem(http.StatusBadRequest, codeParameter, "the code must be of a product (01) or a logistic unit (00)")
		p.Field = "uri"
		return "", viewer, p
	}
	if link.Stem == "" {
		link.Stem = s.base(c)
	}
	viewer, err = s.viewer(c)
	return link.String(), viewer, err
}
