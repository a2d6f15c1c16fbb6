package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"suyuan/ledger"
)

// Limits of reading from a server that is not trusted.
const (
	remoteTimeout  = 30 * time.Second // for one answer: a full entry bundle is at most 16 MiB
	maxRemoteBytes = 20 << 20         // 256 entries of 64 KiB and some spare
)

// remoteSource reads what a node serves below /log as a [ledger.Source].
// Nothing of it is believed: ledger.Verify checks it like any other bytes.
type remoteSource struct {
	ctx   context.Context
	base  string // no final slash
	token string // of a member, may be empty
	http  *http.Client

	net    *ledger.Network
	hidden bool                    // the entries are for members
	sizes  map[uint32]uint64       // of the checkpoints
	notes  map[uint32][]byte       // checkpoints
	tiles  map[string][]byte       // the newest tile read per level: proofs walk along
	chains map[uint32]string       // path below /log/
	first  []*ledger.SignedCharter // charters as served
}

func newRemoteSource(ctx context.Context, base, token string) (*remoteSource, error) {
	if _, err := urlClient(base, token); err != nil {
		return nil, err
	}
	s := &remoteSource{
		ctx: ctx, base: strings.TrimSuffix(base, "/"), token: token, http: &http.Client{Timeout: remoteTimeout},
		sizes: make(map[uint32]uint64), notes: make(map[uint32][]byte), tiles: make(map[string][]byte), chains: make(map[uint32]string),
	}
	if err := s.readCharters(); err != nil {
		return nil, err
	}
	for _, n := range s.net.Chains() {
		s.chains[n] = ledger.ChainName(s.net.MemberOf(n), n)
		note, err := s.get("/log/" + s.chains[n] + "/checkpoint")
		if isStatus(err, http.StatusNotFound) {
			continue // nothing of this chain is final so far
		}
		if err != nil {
			return nil, err
		}
		_, size, ok := ledger.PeekCheckpoint(note)
		if !ok {
			return nil, fmt.Errorf("%s serves no checkpoint for %s", s.base, s.chains[n])
		}
		s.notes[n], s.sizes[n] = note, size
	}
	return s, s.findHidden()
}

// maxVersions bounds the charters that are asked for.
const maxVersions = 10_000

func (s *remoteSource) readCharters() error {
	for v := uint64(1); v <= maxVersions; v++ {
		raw, err := s.get(fmt.Sprintf("/api/v1/charter?version=%d", v))
		if v > 1 && isStatus(err, http.StatusNotFound) {
			break
		}
		if err != nil {
			return fmt.Errorf("read charter: %w", err)
		}
		var c ledger.SignedCharter
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("read charter: %w", err)
		}
		s.first = append(s.first, &c)
	}
	net, err := ledger.VerifyNetwork(s.first)
	s.net = net
	return err
}

// findHidden asks for one entry to see whether entries are shown.
func (s *remoteSource) findHidden() error {
	for n, size := range s.sizes {
		_, err := s.get(s.tilePath(n, "entries", 0, int(min(size, ledger.TileWidth))))
		if isStatus(err, http.StatusForbidden) || isStatus(err, http.StatusUnauthorized) {
			s.hidden = true
			return nil
		}
		return err
	}
	return nil
}

// HashesOnly reports whether the server keeps entries from this reader.
func (s *remoteSource) HashesOnly() bool { return s.hidden }

// Charters returns the charters served.
func (s *remoteSource) Charters() ([]*ledger.SignedCharter, error) { return s.first, nil }

// Chains returns the chains with a checkpoint.
func (s *remoteSource) Chains() ([]uint32, error) {
	var list []uint32
	for _, n := range s.net.Chains() {
		if s.notes[n] != nil {
			list = append(list, n)
		}
	}
	return list, nil
}

// Size returns the size that the checkpoint names.
func (s *remoteSource) Size(chain uint32) (uint64, error) { return s.sizes[chain], nil }

// Checkpoints returns the checkpoint served.
func (s *remoteSource) Checkpoints(chain uint32) ([][]byte, error) {
	return [][]byte{s.notes[chain]}, nil
}

// Entries yields entries bundle by bundle.
func (s *remoteSource) Entries(chain uint32, from, to uint64) iter.Seq2[ledger.StoredEntry, error] {
	return func(yield func(ledger.StoredEntry, error) bool) {
		for at := from; at < to; {
			index := at / ledger.TileWidth
			width := int(min(s.sizes[chain]-index*ledger.TileWidth, ledger.TileWidth))
			raw, err := s.get(s.tilePath(chain, "entries", index, width))
			var bundle [][]byte
			if err == nil {
				bundle, err = ledger.SplitBundle(raw)
			}
			if err == nil && len(bundle) != width {
				err = fmt.Errorf("a bundle has %d entries, not %d", len(bundle), width)
			}
			if err != nil {
				yield(ledger.StoredEntry{}, err)
				return
			}
			for ; at < to && at/ledger.TileWidth == index; at++ {
				if !yield(ledger.StoredEntry{Seq: at, Raw: bundle[at%ledger.TileWidth], LogOnly: true}, nil) {
					return
				}
			}
		}
	}
}

// Tile reads a hash tile; the newest one per chain and level is kept, because
// readers go along a level.
func (s *remoteSource) Tile(chain uint32, tile ledger.TileID, width int) ([]byte, error) {
	have := s.sizes[chain]>>(ledger.TileHeight*uint(tile.Level)) - tile.Index*ledger.TileWidth
	full := int(min(have, ledger.TileWidth))
	if width > full {
		return nil, fmt.Errorf("tile %d/%d is beyond the checkpoint", tile.Level, tile.Index)
	}
	path := s.tilePath(chain, fmt.Sprint(tile.Level), tile.Index, full)
	key := fmt.Sprintf("%d/%d", chain, tile.Level)
	if strings.HasPrefix(string(s.tiles[key]), path+"\n") {
		return s.tiles[key][len(path)+1:][:width*len(ledger.Hash{})], nil
	}
	raw, err := s.get(path)
	if err != nil {
		return nil, err
	}
	if len(raw) != full*len(ledger.Hash{}) {
		return nil, fmt.Errorf("tile %d/%d has %d bytes, not %d", tile.Level, tile.Index, len(raw), full*len(ledger.Hash{}))
	}
	s.tiles[key] = append([]byte(path+"\n"), raw...)
	return raw[:width*len(ledger.Hash{})], nil
}

// tilePath is the C2SP tlog-tiles path of a tile or entry bundle. x/mod forms
// the x001/x234/067 groups; its own prefix names the height and says data.
func (s *remoteSource) tilePath(chain uint32, level string, index uint64, width int) string {
	t := tlog.Tile{H: ledger.TileHeight, L: 0, N: int64(index), W: width}
	groups := strings.TrimPrefix(t.Path(), "tile/8/0/")
	return "/log/" + s.chains[chain] + "/tile/" + level + "/" + groups
}

// statusError is an answer that is not 200.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func isStatus(err error, status int) bool {
	e, ok := err.(*statusError)
	return ok && e.status == status
}

func (s *remoteSource) get(path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &statusError{res.StatusCode, fmt.Sprintf("%s answers %s", s.base+path, res.Status)}
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxRemoteBytes+1))
	if err == nil && len(raw) > maxRemoteBytes {
		err = fmt.Errorf("%s answers with over %d bytes", s.base+path, maxRemoteBytes)
	}
	return raw, err
}
