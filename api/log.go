package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
)

// Logs gives the bytes of the chains for C2SP tlog-tiles.
type Logs interface {
	// Checkpoint returns the newest quorum checkpoint of a chain as a signed
	// note, or nothing if there is none yet.
	Checkpoint(ctx context.Context, chain uint32) ([]byte, error)

	// Tile returns the first width hashes of a hash tile. It is asked for hashes
	// below the checkpoint only.
	Tile(ctx context.Context, chain uint32, tile ledger.TileID, width int) ([]byte, error)

	// Entries returns the bytes of width entries from position from on. It is
	// asked for entries below the checkpoint only.
	Entries(ctx context.Context, chain uint32, from uint64, width int) ([][]byte, error)
}

// chainOf returns the chain that the path names by member and number.
func (s *Server) chainOf(c *fiber.Ctx) (uint32, error) {
	n, err := strconv.ParseUint(c.Params("number"), 10, 32)
	canonical := err == nil && strconv.FormatUint(n, 10) == c.Params("number")
	if !canonical || s.cfg.Chains.Network().MemberOf(uint32(n)) != c.Params("member") {
		return 0, NewProblem(http.StatusNotFound, codeUnknownChain, "the charter has no chain with this member and number")
	}
	return uint32(n), nil
}

// checkpoint returns the chain's newest quorum checkpoint and its size.
func (s *Server) checkpoint(c *fiber.Ctx, chain uint32) ([]byte, uint64, error) {
	raw, err := s.cfg.Logs.Checkpoint(c.UserContext(), chain)
	if err != nil {
		return nil, 0, err
	}
	_, size, ok := ledger.PeekCheckpoint(raw)
	if !ok {
		return nil, 0, NewProblem(http.StatusNotFound, "no-checkpoint", "no checkpoint of this chain has reached its quorum yet")
	}
	return raw, size, nil
}

func (s *Server) getCheckpoint(c *fiber.Ctx) error {
	chain, err := s.chainOf(c)
	if err != nil {
		return err
	}
	raw, _, err := s.checkpoint(c, chain)
	if err != nil {
		return err
	}
	return sendTagged(c, typeText+"; charset=utf-8", cacheCheck, raw)
}

// getTile serves hash tiles and entry bundles of what the newest checkpoint
// covers. Nothing beyond it is shown: it may not be final, and what is served
// here is kept for ever by caches.
func (s *Server) getTile(c *fiber.Ctx) error {
	chain, err := s.chainOf(c)
	if err != nil {
		return err
	}
	tile, ok := parseTile(c.Params("*"))
	if !ok {
		return NewProblem(http.StatusNotFound, codeNotFound, "this is not the address of a tile: <L>/<N>[.p/<W>] or entries/<N>[.p/<W>]")
	}
	_, size, err := s.checkpoint(c, chain)
	if err != nil {
		return err
	}
	if !covered(tile, size) {
		return NewProblem(http.StatusNotFound, "no-tile", "the newest checkpoint does not cover this tile")
	}
	if tile.L < 0 {
		return s.sendEntries(c, chain, tile)
	}
	data, err := s.cfg.Logs.Tile(c.UserContext(), chain, ledger.TileID{Level: uint8(tile.L), Index: uint64(tile.N)}, tile.W)
	if err != nil {
		return err
	}
	return sendTagged(c, typeBytes, cacheForever, data)
}

// parseTile reads what follows /tile/ in C2SP tlog-tiles. Package tlog writes
// the same paths with the tile height in front and calls entries data.
func parseTile(path string) (tlog.Tile, bool) {
	if strings.HasPrefix(path, "data/") {
		return tlog.Tile{}, false
	}
	if rest, ok := strings.CutPrefix(path, "entries/"); ok {
		path = "data/" + rest
	}
	t, err := tlog.ParseTilePath("tile/" + strconv.Itoa(ledger.TileHeight) + "/" + path)
	return t, err == nil && t.L < 64/ledger.TileHeight
}

// covered reports whether a tree of size leaves has all hashes of the tile.
func covered(t tlog.Tile, size uint64) bool {
	level := max(t.L, 0) // entry bundles are as wide as the tiles of level 0
	hashes := size >> (level * ledger.TileHeight)
	first := uint64(t.N) * ledger.TileWidth
	return uint64(t.N) <= hashes/ledger.TileWidth && hashes-first >= uint64(t.W)
}

// sendEntries sends an entry bundle, to members only unless the charter opens
// entries to everybody.
func (s *Server) sendEntries(c *fiber.Ctx, chain uint32, t tlog.Tile) error {
	caching := cacheForever
	if !s.cfg.Chains.Network().Newest().Charter.Settings.PublicEntries {
		caching = cacheOwn
		viewer, err := s.viewer(c)
		if err != nil {
			return err
		}
		if viewer.Member == "" {
			return NewProblem(http.StatusForbidden, codeMembersOnly, "the charter shows entries to members only; send a token with scope "+ScopeRead)
		}
		c.Vary(fiber.HeaderAuthorization)
	}
	entries, err := s.cfg.Logs.Entries(c.UserContext(), chain, uint64(t.N)*ledger.TileWidth, t.W)
	if err != nil {
		return err
	}
	return sendTagged(c, typeBytes, caching, ledger.EntryBundle(entries))
}
