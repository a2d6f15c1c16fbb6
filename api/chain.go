package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"suyuan/ledger"
)

// Chains knows the network and how far its chains have come.
type Chains interface {
	// Network returns the charter versions held. It never returns nil.
	Network() *ledger.Network

	// States returns the state of every chain of the newest charter.
	States(ctx context.Context) ([]ChainState, error)
}

// A ChainState says how far a chain has come, as this node holds it.
type ChainState struct {
	Chain  string      `json:"chain"` // <member>/<number>
	Member string      `json:"member"`
	Number uint32      `json:"number"`
	Size   uint64      `json:"size"` // stored entries
	Root   ledger.Hash `json:"root"`
	Time   time.Time   `json:"time,omitzero"` // of the newest entry
	Final  *Final      `json:"final"`         // null before the first quorum checkpoint
	Quorum int         `json:"quorum"`        // cosigners that make a checkpoint final
	Of     int         `json:"cosigners"`     // that the charter names
	Forked bool        `json:"forked"`        // two histories were signed
	Ended  bool        `json:"ended"`         // by the charter
}

// A Final is what a quorum checkpoint says.
type Final struct {
	Size      uint64      `json:"size"`
	Root      ledger.Hash `json:"root"`
	Cosigners []string    `json:"cosigners"` // members, ascending
}

// chainList is the answer of GET /api/v1/chains.
type chainList struct {
	Network ledger.Hash  `json:"network"`
	Name    string       `json:"name"`
	Charter uint64       `json:"charter"` // version
	Chains  []ChainState `json:"chains"`
	Next    string       `json:"next"` // for the parameter after; empty at the end
}

func (s *Server) getChains(c *fiber.Ctx) error {
	after, err := number(c, "after", 0, 0, 1<<32-1)
	if err != nil {
		return err
	}
	limit, err := number(c, "limit", maxPage, 1, maxPage)
	if err != nil {
		return err
	}
	states, err := s.cfg.Chains.States(c.UserContext())
	if err != nil {
		return err
	}
	net := s.cfg.Chains.Network()
	list := chainList{Network: net.ID, Name: net.Name, Charter: net.Newest().Charter.Version, Chains: []ChainState{}}
	slices.SortFunc(states, func(a, b ChainState) int { return cmp.Compare(a.Number, b.Number) })
	for _, st := range states {
		if c.Query("after") != "" && uint64(st.Number) <= after {
			continue
		}
		if len(list.Chains) == int(limit) {
			list.Next = strconv.FormatUint(uint64(list.Chains[limit-1].Number), 10)
			break
		}
		list.Chains = append(list.Chains, st)
	}
	data, err := encodeJSON(list)
	if err != nil {
		return err
	}
	return sendTagged(c, typeJSON, cacheCheck, data)
}

// getCharter answers {charter, signatures, view}, as the file has it.
func (s *Server) getCharter(c *fiber.Ctx) error {
	net := s.cfg.Chains.Network()
	newest := net.Newest().Charter.Version
	version, err := number(c, "version", newest, 1, 1<<63)
	if err != nil {
		return err
	}
	v := net.Version(version)
	if v == nil {
		return NewProblem(http.StatusNotFound, string(ledger.CodeNoCharter), "this node holds charter versions up to "+strconv.FormatUint(newest, 10))
	}
	data, err := encodeJSON(v.Signed)
	if err != nil {
		return err
	}
	return sendTagged(c, typeJSON, cacheCheck, data)
}
