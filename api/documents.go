package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
)

// documentsPath stands before the digest of a document.
const documentsPath = "/api/v1/documents/"

// ErrNoDocument says that a document is not held, or not for the viewer: which
// of the two is not told.
var ErrNoDocument = errors.New("no such document")

// Documents gives the files that records name.
type Documents interface {
	// Open returns the file with that SHA-256 and its size in bytes. The error
	// wraps ErrNoDocument if the node does not hold it or the viewer may not see
	// it. The caller closes it.
	Open(ctx context.Context, digest ledger.Hash, viewer Viewer) (file io.ReadCloser, size int64, err error)
}

// viewable are the types of files that a browser may show from our origin. Anything
// else, HTML and SVG above all, is only to be saved.
var viewable = map[string]bool{"image/png": true, "image/jpeg": true, "image/webp": true, "image/gif": true, "application/pdf": true}

func (s *Server) getDocument(c *fiber.Ctx) error {
	viewer, err := s.viewer(c)
	if err != nil {
		return err
	}
	digest, err := ledger.ParseHash(c.Params("digest"))
	if err != nil || s.cfg.Documents == nil {
		return noDocument()
	}
	file, size, err := s.cfg.Documents.Open(c.UserContext(), digest, viewer)
	if errors.Is(err, ErrNoDocument) {
		return noDocument()
	}
	if err != nil {
		return err
	}
	return sendFile(c, file, size, digest, viewer)
}

func noDocument() *Problem {
	return NewProblem(http.StatusNotFound, "unknown-document", "there is no document with this digest, or not for you")
}

// sendFile streams the file; the server closes it.
func sendFile(c *fiber.Ctx, file io.ReadCloser, size int64, digest ledger.Hash, viewer Viewer) error {
	start := make([]byte, min(size, 512)) // what DetectContentType looks at
	if _, err := io.ReadFull(file, start); err != nil {
		return errors.Join(err, file.Close())
	}
	kind, disposition := http.DetectContentType(start), "inline"
	if !viewable[kind] {
		kind, disposition = typeBytes, "attachment; filename="+digest.String()
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentDisposition, disposition)
	c.Set(fiber.HeaderCacheControl, cacheDay)
	if viewer != (Viewer{}) {
		c.Set(fiber.HeaderCacheControl, cacheNever)
	}
	return c.SendStream(struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), file), file}, int(size))
}
