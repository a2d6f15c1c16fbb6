package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
