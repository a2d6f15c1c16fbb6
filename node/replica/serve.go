package replica

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"suyuan/ledger"
	"suyuan/node/wire"
)

// maxServing is how many requests are served from the disk at one time: what keeps
// the processors busy, and in any case more than a third of the members can hold by
// reading their answers slowly.
func maxServing(members int) int {
	return max(2*runtime.GOMAXPROCS(0), min(memberServing*(members/3+1), mostServing))
}

// An answer is one stream of fetch or cosign, on the server's side.
type answer struct {
	stream network.Stream
	out    *wire.Writer
	began  time.Time
	least  int // bytes per second
	sent   int // bytes of payload
	read   int // bytes that were read from the disk for it
}

func newAnswer(stream network.Stream, p wire.Protocol) *answer {
	return &answer{stream: stream, out: p.NewWriter(stream), began: time.Now(), least: minBytesPerSecond}
}

// write sends a message. A client that takes the answer more slowly than it may is
// cut off, so that nobody holds a share of the disk by reading a little now and
// then.
func (a *answer) write(m wire.Message, payload int) error {
	a.sent += payload
	_ = a.stream.SetWriteDeadline(a.began.Add(allowance(a.sent, a.least)))
	return a.out.Write(m)
}

// finish sends the last message and closes: write side first, then whatever the
// client still sends is read to its end, because closing both sides at once
// could throw away what it has not read.
func (a *answer) finish(m wire.Message) error {
	if err := a.write(m, 0); err != nil {
		return err
	}
	if err := a.out.Flush(); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	if err := a.stream.CloseWrite(); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	_ = a.stream.SetReadDeadline(time.Now().Add(closeTimeout))
	_, _ = io.Copy(io.Discard, io.LimitReader(a.stream, wire.MaxCosign))
	return a.stream.Close()
}

// receive reads the one request of a stream whose peer is admitted. Charters are
// for every node of the newest one: two that hold different charters do not admit
// each other, and have to learn that there are two.
func (r *Replica) receive(ctx context.Context, stream network.Stream, p wire.Protocol) (*session, wire.Message, error) {
	_ = stream.SetReadDeadline(time.Now().Add(requestTimeout))
	m, err := p.NewReader(stream).Next()
	if err != nil {
		return nil, nil, fmt.Errorf("receive request: %w", err)
	}
	s := r.admitted(ctx, stream)
	if _, free := m.(*wire.GetCharter); s == nil && free {
		s = r.stranger(stream)
	}
	if s == nil {
		return nil, nil, fmt.Errorf("%w: request without hello", ErrRefused)
	}
	return s, m, nil
}

// stranger stands for a node of the charter that is not admitted, nil if the peer
// is none.
func (r *Replica) stranger(stream network.Stream) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.byID[stream.Conn().RemotePeer()]; p != nil {
		return &session{remote: p}
	}
	return nil
}

// answerFetch handles one stream of fetch.
func (r *Replica) answerFetch(ctx context.Context, stream network.Stream) {
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	s, m, err := r.receive(ctx, stream, wire.Fetch)
	if err == nil {
		err = r.answerRequest(s, m, newAnswer(stream, wire.Fetch))
	}
	if err != nil {
		_ = stream.Reset()
		r.log.Debug("request not answered", "peer", stream.Conn().RemotePeer(), "err", err)
	}
}

// answerRequest never waits for a share of anything: a peer that asks for more
// than its share, and all when the disk is busy, are told to come again.
func (r *Replica) answerRequest(s *session, m wire.Message, a *answer) error {
	a.least = leastRate(m)
	end, err := r.fromDisk(s, m, a)
	if err != nil {
		return err
	}
	return a.finish(end)
}

// fromDisk sends all of an answer but its END, within the shares.
func (r *Replica) fromDisk(s *session, m wire.Message, a *answer) (*wire.End, error) {
	now := time.Now()
	busy := &wire.End{Status: wire.StatusBusy, Wait: uint32(busyWait.Milliseconds())}
	share := r.shareOf(s.member)
	if !share.requests.AllowN(now, 1) || share.traffic.TokensAt(now) < 0 {
		return busy, nil
	}
	for _, places := range []chan struct{}{share.serving, r.serving} {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			return busy, nil
		}
	}
	defer func() { share.traffic.ReserveN(time.Now(), min(max(a.sent, a.read), bytesBurst)) }()
	switch m := m.(type) {
	case *wire.GetRange:
		return r.answerRange(s, m, a)
	case *wire.GetCharter:
		return r.answerCharter(m, a)
	case *wire.GetBlob:
		return r.answerBlob(s, m, a)
	case *wire.GetScans:
		return r.answerScans(m, a)
	}
	return &wire.End{Status: wire.StatusRefused}, nil
}

// answerRange sends entries, each with the part of its sidecar that the asking
// member may hold.
func (r *Replica) answerRange(s *session, q *wire.GetRange, a *answer) (*wire.End, error) {
	if r.cfg.Store.Size(q.Chain) < q.Size {
		return &wire.End{Status: wire.StatusNotFound}, nil
	}
	author := r.cfg.Store.Network().MemberOf(q.Chain)
	end := q.From
	for it, err := range r.cfg.Store.Entries(q.Chain, q.From, q.To) {
		if err != nil {
			return nil, fmt.Errorf("read entry %d/%d: %w", q.Chain, end, err)
		}
		sidecar, err := visible(it.Sidecar, s.member, author)
		if err != nil {
			return nil, fmt.Errorf("sidecar %d/%d: %w", q.Chain, end, err)
		}
		item := &wire.Item{Entry: it.Entry, Sidecar: sidecar}
		if q.Disclosures {
			item.Entry = nil
		}
		if err := a.write(item, len(item.Entry)+len(item.Sidecar)); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		a.read += len(it.Entry) + len(it.Sidecar)
		if end++; max(a.sent, a.read) >= maxBatchBytes {
			break // also if most of it is not for the asker to see
		}
	}
	if end == q.Size || q.Disclosures {
		return &wire.End{}, nil
	}
	proof, err := r.cfg.Store.TileSource(q.Chain).ProveConsistency(q.Size, end)
	return &wire.End{Proof: proof}, err
}

// visible is what a member may hold of a sidecar on a chain of author.
func visible(raw []byte, member, author string) ([]byte, error) {
	if len(raw) == 0 || member == author {
		return raw, nil
	}
	sc, err := ledger.DecodeSidecar(raw)
	if err != nil {
		return nil, err
	}
	part, err := sc.For(member, author)
	if err != nil {
		return nil, err
	}
	return part.Encode()
}

func (r *Replica) answerCharter(q *wire.GetCharter, a *answer) (*wire.End, error) {
	v := r.cfg.Store.Network().Version(q.Version)
	if v == nil {
		return &wire.End{Status: wire.StatusNotFound}, nil
	}
	full := &wire.FullCharter{Body: v.Signed.Body, Signatures: v.Signed.Signatures}
	return &wire.End{}, a.write(full, len(full.Body))
}
