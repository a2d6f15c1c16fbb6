package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"suyuan/api"
	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/node"
	"suyuan/trace"
	"suyuan/trace/proof"
)

// newAPI makes the API server of a node. Packages api and node do not know each
// other; backend is where they meet.
func newAPI(n *node.Node, log *slog.Logger) (*api.Server, error) {
	config := n.Config()
	proxies, err := parseProxies(config.TrustedProxies)
	if err != nil {
		return nil, err
	}
	scans, err := n.OpenScans()
	if err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b := backend{n, scans}
	server, err := api.New(api.Config{
		Trails: b, Records: b, Logs: b, Chains: b, Auth: b, Health: b, Documents: b, Claims: b, Figures: b, Events: b, EPCIS: b,
		BaseURL: "", TrustedProxies: proxies, Log: log, Metrics: metrics,
		Local: &api.Operator{Member: n.Member(), Scopes: []string{api.ScopeRead, api.ScopeWrite}},
	})
	if err := errors.Join(err, metrics.Register(scans)); err != nil {
		return nil, errors.Join(err, scans.Close())
	}
	server.AtShutdown(scans.Close)
	return server, nil
}

// backend answers what package api asks, from a node.
type backend struct {
	n     *node.Node
	scans *node.Scans
}

// Answer implements api.Trails. What scans cannot say is no reason not to.
func (b backend) Answer(ctx context.Context, uri string, viewer api.Viewer) (*api.Known, error) {
	k, err := b.n.Know(ctx, uri, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
	if err != nil {
		return nil, err
	}
	return &api.Known{Answer: k.Answer, Links: k.Links, Scans: b.scans.Annotate(ctx, k.Answer, viewer.Member)}, nil
}

// Token implements api.Scans.
func (b backend) Token(a *trace.Answer) string { return b.scans.Token(a) }

// Take implements api.Scans.
func (b backend) Take(token string, v api.Visitor) { b.scans.Take(token, node.Visitor(v)) }

// Approve implements api.Approvals.
func (b backend) Approve(ctx context.Context, caller *api.Operator, draft json.RawMessage, sign bool) (*api.Approved, error) {
	done, err := b.n.Approve(ctx, node.Signer{Address: caller.Address, Party: caller.Party}, draft, sign)
	if err != nil {
		return nil, err
	}
	out := &api.Approved{Draft: done.Draft, Message: done.Message}
	if sign {
		out.Approver = done.Approver.String()
	}
	return out, nil
}

// Claim implements api.Claims.
func (b backend) Claim(ctx context.Context, c api.Claim) (*api.Claimed, error) {
	done, err := b.n.Claim(ctx, node.Claim(c))
	if err != nil {
		return nil, err
	}
	return &api.Claimed{Outcome: api.ClaimOutcome(done.Outcome), At: done.At, Wait: done.Wait}, nil
}

// Proof implements api.Trails.
func (b backend) Proof(ctx context.Context, uri string, _ api.Viewer) (*proof.Bundle, error) {
	return b.n.Proof(ctx, uri)
}

// Submit implements api.Records.
func (b backend) Submit(ctx context.Context, caller *api.Operator, drafts []json.RawMessage) []api.Result {
	raw := make([][]byte, len(drafts))
	for i := range drafts {
		raw[i] = drafts[i]
	}
	return b.results(b.n.Submit(ctx, node.Signer{Address: caller.Address, Party: caller.Party}, raw))
}

// SubmitOnce implements api.Records.
func (b backend) SubmitOnce(ctx context.Context, caller *api.Operator, keys []ledger.Hash, drafts []json.RawMessage) []api.Result {
	list := make([]node.Keyed, len(drafts))
	for i := range drafts {
		list[i] = node.Keyed{Key: keys[i], Named: true, Draft: drafts[i]}
	}
	return b.results(b.n.SubmitOnce(ctx, node.Signer{Address: caller.Address, Party: caller.Party}, list))
}

// SubmitSigned implements api.Records.
func (b backend) SubmitSigned(ctx context.Context, signed []api.Signed) []api.Result {
	list := make([]node.SignedRecord, len(signed))
	for i, s := range signed {
		list[i] = node.SignedRecord{Record: s.Record, Signature: s.Signature, Sidecar: s.Sidecar}
	}
	return b.results(b.n.SubmitSigned(ctx, list))
}

// Find implements api.Records.
func (b backend) Find(_ context.Context, id ledger.Hash) (api.Place, bool, error) {
	p, ok, err := b.n.Find(id)
	return b.place(p), ok, err
}

// Show implements api.Records.
func (b backend) Show(_ context.Context, id ledger.Hash, viewer api.Viewer) (any, bool, error) {
	shown, ok, err := b.n.Show(id, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
	if err != nil || !ok {
		return nil, false, err
	}
	return shown, true, nil
}

func (b backend) results(placed []node.Placed) []api.Result {
	out := make([]api.Result, len(placed))
	for i, p := range placed {
		out[i] = api.Result{Place: b.place(p), Err: p.Err}
	}
	return out
}

func (b backend) place(p node.Placed) api.Place {
	return api.Place{
		ID: p.ID, Hash: p.Hash, State: stateOf(p.Final), Seq: p.Seq, Exists: p.Again,
		Chain: ledger.ChainName(b.n.Network().MemberOf(p.Chain), p.Chain),
	}
}

// Checkpoint implements api.Logs.
func (b backend) Checkpoint(_ context.Context, chain uint32) ([]byte, error) {
	return b.n.Checkpoint(chain), nil
}

// Tile implements api.Logs.
func (b backend) Tile(_ context.Context, chain uint32, tile ledger.TileID, width int) ([]byte, error) {
	return b.n.Tile(chain, tile, width)
}

// Entries implements api.Logs.
func (b backend) Entries(_ context.Context, chain uint32, from uint64, width int) ([][]byte, error) {
	return b.n.Entries(chain, from, width)
}

// Network implements api.Chains.
func (b backend) Network() *ledger.Network { return b.n.Network() }

// States implements api.Chains.
func (b backend) States(context.Context) ([]api.ChainState, error) {
	st := b.n.Status()
	var out []api.ChainState
	for _, c := range st.Chains {
		s := api.ChainState{
			Chain: c.Chain, Member: c.Member, Number: c.Number, Size: c.Size, Root: c.Root, Time: c.Time,
			Quorum: st.Network.Quorum, Of: st.Network.Cosigners, Forked: c.Forked, Ended: c.Ended != nil,
		}
		if c.Final > 0 {
			s.Final = &api.Final{Size: c.Final, Root: c.FinalRoot, Cosigners: c.Cosigners}
		}
		out = append(out, s)
	}
	return out, nil
}

// Operator implements api.Auth.
func (b backend) Operator(_ context.Context, token string) (*api.Operator, error) {
	t, err := b.n.Operator(token)
	if errors.Is(err, node.ErrToken) {
		return nil, api.ErrBadToken
	}
	if err != nil {
		return nil, err
	}
	return &api.Operator{Member: b.n.Member(), Party: t.Party, Address: t.Address, Scopes: t.Scopes}, nil
}

// Ready implements api.Health.
func (b backend) Ready(context.Context) []string { return b.n.Ready() }

// Status implements api.Health. Where peers are reached, and how many rewards are paid, is for members.
func (b backend) Status(_ context.Context, viewer api.Viewer) (any, error) {
	s := b.n.Status()
	if viewer.Member == "" {
		s.Rewards = nil
		for i := range s.Peers {
			s.Peers[i].Address, s.Peers[i].Error = "", ""
		}
	}
	return s, nil
}

// Open implements api.Documents.
func (b backend) Open(_ context.Context, digest ledger.Hash, viewer api.Viewer) (io.ReadCloser, int64, error) {
	f, size, err := b.n.Document(digest, trace.Viewer{Member: viewer.Member, Party: viewer.Party})
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, api.ErrNoDocument
	}
	return f, size, err
}
