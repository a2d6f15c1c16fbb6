package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"suyuan/ledger"
	"suyuan/ledger/store"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// IssueRun says which codes [Node.IssueRun] issues.
type IssueRun struct {
	GTIN    gs1.GTIN
	Count   uint32
	Second  bool      // with second codes, see [Node.Seconds]
	Printer string    // for parties only, may be empty
	At      time.Time // when they were made; zero is now
	Signer  Signer
}

// A Run is a run of codes that this node issued.
type Run struct {
	GTIN   gs1.GTIN
	Number uint16
	Count  uint32
	Pack   ledger.Hash // SHA-256 of the pack
	Root   ledger.Hash
	Record ledger.Hash // id of the run record

	Foreign   bool // the serials are somebody else's
	Guessable bool // who knows some of them can guess others
}

// fields are those of the run's record.
func (r *Run) fields() map[string]any {
	f := map[string]any{"gtin": r.GTIN, "run": r.Number, "pack": r.Pack, "root": r.Root, "count": r.Count}
	if r.Foreign {
		f["foreign"] = true
	}
	if r.Guessable {
		f["guessable"] = true
	}
	return f
}

// runSecret is what secrets/run-<gtin>-<number>.json holds.
type runSecret struct {
	Count  uint32      `json:"count"`
	Secret []byte      `json:"secret"`
	Pack   ledger.Hash `json:"pack"`
}

func secretName(gtin gs1.GTIN, number uint16) string {
	return filepath.Join(dirSecrets, fmt.Sprintf("run-%s-%d.json", gtin, number))
}

// IssueRun issues codes: it takes the next number of the product, makes a
// secret, writes the pack, and appends the record that commits to all codes. The
// codes themselves are given out by [Node.Codes] only, when the record is
// stored. A run that was stopped half-made, by a crash too, was seen by nobody:
// the next call for as many codes of the product goes on with it.
func (n *Node) IssueRun(ctx context.Context, req IssueRun, progress func(done, total uint64)) (*Run, error) {
	if req.Count == 0 || req.Count > code.MaxRunCodes {
		return nil, refuse(422, "bad-count", "a run has 1 to %d codes", code.MaxRunCodes)
	}
	n.issuing.Lock() // one at a time, so that two do not take one number
	defer n.issuing.Unlock()
	number, err := n.nextRun(req.GTIN)
	if err != nil {
		return nil, err
	}
	run := code.Run{GTIN: req.GTIN.Uint64(), Number: number, Count: req.Count}
	if run.Secret, err = n.startRun(req.GTIN, number, req.Count); err != nil {
		return nil, err
	}
	work := n.workDir(req.GTIN, number)
	issued, err := n.makePack(ctx, work, run, progress)
	if errors.Is(err, code.ErrCollision) {
		err = errors.Join(err, n.abandonRun(req.GTIN, number))
	}
	if err != nil {
		_ = os.Remove(work) // unless there is something to go on with
		return nil, err
	}
	if err := n.sealRun(req.GTIN, number, runSecret{Count: req.Count, Secret: run.Secret[:], Pack: issued.Digest}); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(work); err != nil {
		n.log.Warn("what a run was made of is left", "dir", work, "err", err)
	}
	if err := n.sealSecond(req.GTIN, number, req.Second); err != nil {
		return nil, err
	}
	out := &Run{GTIN: req.GTIN, Number: number, Count: req.Count, Pack: issued.Digest, Root: issued.Root}
	// From here on the run is finished even for a caller who has gone away: were
	// the outcome not known, the next run could overwrite the secret of this one.
	fields := out.fields()
	if req.Printer != "" {
		fields["printer"] = req.Printer
	}
	if req.Second {
		fields["second"] = true
	}
	return out, n.recordRun(context.WithoutCancel(ctx), req.Signer, req.At, fields, out)
}

// startRun returns the secret of a run that is going to be made: that of an
// attempt which was stopped if it was for as many codes, else a new one. It is
// on disk before any code is made of it.
func (n *Node) startRun(gtin gs1.GTIN, number uint16, count uint32) (code.Secret, error) {
	if s, err := n.openRun(gtin, number); err == nil && s.Count == count {
		return code.Secret(s.Secret), nil
	}
	// Nobody has seen what was made with another one.
	fresh := code.NewSecret()
	return fresh, n.sealRun(gtin, number, runSecret{Count: count, Secret: fresh[:]})
}

// abandonRun has the next attempt take another secret.
func (n *Node) abandonRun(gtin gs1.GTIN, number uint16) error {
	return errors.Join(os.Remove(filepath.Join(n.dir, secretName(gtin, number))), os.RemoveAll(n.workDir(gtin, number)))
}

// workDir holds what a run is made of until its pack is among the attachments.
func (n *Node) workDir(gtin gs1.GTIN, number uint16) string {
	return filepath.Join(n.dir, fmt.Sprintf("issue-%s-%d", gtin, number))
}

func (n *Node) sealRun(gtin gs1.GTIN, number uint16, s runSecret) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return n.keys.Seal(secretName(gtin, number), raw)
}

func (n *Node) openRun(gtin gs1.GTIN, number uint16) (s runSecret, err error) {
	raw, err := n.keys.Open(secretName(gtin, number))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil || len(s.Secret) != len(code.Secret{}) {
		return s, fmt.Errorf("the secret of run %d of GTIN %s is damaged", number, gtin)
	}
	return s, nil
}

// nextRun is the lowest number that no record of a run of the GTIN uses. Records
// of members to which the charter does not give the GTIN are shunned as long as
// there are other numbers: they mean nothing, and must not use them up.
func (n *Node) nextRun(gtin gs1.GTIN) (uint16, error) {
	ours, err := n.authorityCut(gtin, nil)
	if err != nil {
		return 0, err
	}
	contested := -1
	for number := 0; number <= code.MaxRunNumber; number++ {
		used, err := n.index.Run(gtin, uint16(number), ours)
		if err != nil {
			return 0, err
		}
		if len(used) > 0 {
			continue
		}
		claims, err := n.index.Run(gtin, uint16(number), nil)
		if err != nil && !errors.Is(err, index.ErrTooMany) {
			return 0, err
		}
		if err == nil && len(claims) == 0 {
			return uint16(number), nil
		}
		if contested < 0 {
			contested = number
		}
	}
	if contested >= 0 {
		return uint16(contested), nil
	}
	return 0, refuse(409, "no-run-left", "all %d run numbers of GTIN %s are used", code.MaxRunNumber+1, gtin)
}

// makePack writes the pack into the attachments. dir keeps what was made when it
// is stopped.
func (n *Node) makePack(ctx context.Context, dir string, run code.Run, progress func(done, total uint64)) (*code.Issued, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a place for the pack: %w", err)
	}
	issued, err := code.Issue(ctx, run, code.Job{Dir: dir, TempDir: dir, Resume: true, Progress: progress})
	if err != nil {
		return nil, err
	}
	return &issued, n.keepPack(ctx, &issued)
}

// keepPack puts a pack among the attachments, with its block roots.
func (n *Node) keepPack(ctx context.Context, issued *code.Issued) error {
	f, err := os.Open(issued.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	digest, err := n.blobs.Put(ctx, f, store.Audience{Of: ledger.Members})
	if err != nil {
		return storeRefusal(err)
	}
	if digest != ledger.Hash(issued.Digest) {
		return errors.New("the stored pack is not the one that was made: is the disk damaged?")
	}
	return issued.Blocks.WriteFile(n.packs.blocks(digest))
}

// recordRun appends the run record and fills in its id. A zero time is now.
func (n *Node) recordRun(ctx context.Context, who Signer, at time.Time, fields map[string]any, run *Run) error {
	d := trace.Draft{Kind: "run", Fields: fields}
	if !at.IsZero() {
		d.At = &at
	}
	draft, err := json.Marshal(d)
	if err != nil {
		return err
	}
	placed := n.Submit(ctx, who, [][]byte{draft})
	run.Record = placed[0].ID
	return placed[0].Err
}

// Codes yields the codes with index from up to, not including, to of a run that
// this node issued, in order, with their URIs. Nothing is yielded before the
// run's record is stored.
func (n *Node) Codes(gtin gs1.GTIN, number uint16, from, to uint32) (iter.Seq2[uint32, string], func(string) string, error) {
	s, err := n.openRun(gtin, number)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, refuse(404, "unknown-run", "this node has not issued run %d of GTIN %s", number, gtin)
	}
	if err != nil {
		return nil, nil, err
	}
	rec, err := n.runOf(gtin, number, nil)
	if err != nil {
		return nil, nil, err
	}
	if rec == nil || rec.Fields.Hash("pack") != s.Pack {
		return nil, nil, refuse(409, "run-not-stored", "the record of run %d of GTIN %s is not stored", number, gtin)
	}
	if from > to || to > s.Count {
		return nil, nil, refuse(422, "bad-range", "run %d of GTIN %s has the indexes 0 to %d", number, gtin, s.Count-1)
	}
	run := code.Run{GTIN: gtin.Uint64(), Number: number, Count: s.Count, Secret: code.Secret(s.Secret)}
	serials := func(yield func(uint32, string) bool) {
		for i, serial := range run.Serials(from, to) {
			if !yield(i, serial.String()) {
				return
			}
		}
	}
	return serials, func(serial string) string { return n.codeURI(gtin, serial) }, nil
}

// runOf returns the event of a run record of a member that the charter gives
// the GTIN, the first by chain and position, nil if there is none within the
// cut. What others claim about somebody's codes does not count here.
func (n *Node) runOf(gtin gs1.GTIN, number uint16, cut map[uint32]uint64) (*trace.Event, error) {
	return n.firstRun(gtin, number, cut, n.event)
}

// firstRun is runOf with a way to read events.
func (n *Node) firstRun(gtin gs1.GTIN, number uint16, cut map[uint32]uint64, event func(trace.Position) (*trace.Event, error)) (*trace.Event, error) {
	list, err := n.memo.positions(cut, fmt.Sprintf("run %s/%d", gtin, number), func() ([]trace.Position, error) {
		ours, err := n.authorityCut(gtin, cut)
		if err != nil {
			return nil, err
		}
		return n.index.Run(gtin, number, ours)
	})
	if err != nil {
		return nil, lookUpRefusal(err)
	}
	for _, pos := range list {
		e, err := event(pos)
		if err != nil || e != nil {
			return e, err
		}
	}
	return nil, nil
}

// authorityCut is the part of a cut, nil being all that is indexed, with the
// chains of the members to which a charter within it gives the GTIN. Anybody can
// write anything about a GTIN: where only its authority counts, what others have
// written must not be met at all, or enough of it would be in the way.
func (n *Node) authorityCut(gtin gs1.GTIN, cut map[uint32]uint64) (map[uint32]uint64, error) {
	sizes := cut
	if cut == nil {
		sizes = n.index.Applied()
	}
	charters, err := n.chartersWithin(sizes)
	if err != nil {
		return nil, err
	}
	ours := make(map[uint32]uint64)
	for _, c := range charters {
		m := c.GTINAuthority(gtin.Uint64())
		if m == nil {
			continue
		}
		n.addChains(ours, m.Slug, sizes)
	}
	return ours, nil
}

// addChains adds the sizes of a member's chains, those that have ended included,
// to a cut.
func (n *Node) addChains(cut map[uint32]uint64, member string, sizes map[uint32]uint64) {
	for _, v := range n.Network().Versions() {
		for i := range v.Charter.Nodes {
			if node := &v.Charter.Nodes[i]; node.Member == member {
				cut[node.Number] = sizes[node.Number]
			}
		}
	}
}
