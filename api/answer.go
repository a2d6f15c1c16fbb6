package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// encodeJSON writes v without escaping <, > and &, which stand in addresses:
// an answer is never part of a page.
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return buf.Bytes(), nil
}

// sendJSON sends v as application/json.
func sendJSON(c *fiber.Ctx, v any) error {
	data, err := encodeJSON(v)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, typeJSON)
	return c.Send(data)
}

// noTrail is how an answer without a trail begins to tell of it. No string in JSON
// holds these bytes: its quotation marks are escaped.
var noTrail = []byte(`"trail":null`)

// sendAnswer sends the answer about a code. Most of it is the trail, which may have
// been encoded once for many and is put in as it is.
func sendAnswer(c *fiber.Ctx, k *Known) error {
	if k.Trail == nil {
		return sendJSON(c, withScans(k))
	}
	around := *k.Answer
	around.Trail = nil
	data, err := encodeJSON(withScans(&Known{Answer: &around, Scans: k.Scans}))
	if err != nil {
		return err
	}
	before, after, ok := bytes.Cut(data, noTrail)
	if !ok {
		return errors.New("encode answer: there is no place for the trail")
	}
	c.Set(fiber.HeaderContentType, typeJSON)
	r := c.Response()
	r.AppendBody(before)
	r.AppendBody(noTrail[:len(noTrail)-len("null")])
	if err := k.Trail.WriteJSON(r.BodyWriter()); err != nil {
		r.ResetBody() // for what is told instead
		return fmt.Errorf("encode answer: %w", err)
	}
	r.AppendBody(after)
	return nil
}

// A document is an answer made once.
type document struct {
	data []byte
	etag string
}

func newDocument(v any) (document, error) {
	data, err := encodeJSON(v)
	return document{data, etagOf(data)}, err
}

// etagOf names bytes. The tag is weak, since it is the same for all the ways in
// which an answer may be compressed (RFC 9110 section 8.8.1).
func etagOf(data []byte) string {
	sum := sha256.Sum256(data)
	return `W/"` + hex.EncodeToString(sum[:16]) + `"`
}

// sendTagged sends data, or 304 to who has it already.
func sendTagged(c *fiber.Ctx, contentType, caching string, data []byte) error {
	return sendWithTag(c, contentType, caching, etagOf(data), data)
}

func sendWithTag(c *fiber.Ctx, contentType, caching, etag string, data []byte) error {
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, caching)
	if matches(c.Get(fiber.HeaderIfNoneMatch), etag) {
		return c.SendStatus(http.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, contentType)
	return c.Send(data)
}

// matches is the weak comparison of RFC 9110 section 13.1.2.
func matches(ifNoneMatch, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, tag := range strings.Split(ifNoneMatch, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// The ways to cache.
const (
	cacheNever   = "no-store"
	cacheCheck   = "no-cache"
	cacheHour    = "public, max-age=3600"
	cacheDay     = "public, max-age=86400"
	cacheForever = "public, max-age=31536000, immutable"
	cacheOwn     = "private, max-age=31536000, immutable"
)

// required returns a parameter of the query that must be there.
func required(c *fiber.Ctx, name string) (string, error) {
	v := c.Query(name)
	if v == "" {
		p := NewProblem(http.StatusBadRequest, codeMissing, "the parameter "+name+" is missing")
		p.Field = name
		return "", p
	}
	return v, nil
}

// number returns a parameter of the query that is a number from low to high, or
// fallback if it is not there.
func number(c *fiber.Ctx, name string, fallback, low, high uint64) (uint64, error) {
	v := c.Query(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n < low || n > high {
		p := NewProblem(http.StatusBadRequest, codeParameter, fmt.Sprintf("the parameter %s must be a number from %d to %d", name, low, high))
		p.Field = name
		return 0, p
	}
	return n, nil
}
