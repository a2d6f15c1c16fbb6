package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"suyuan/ledger"
	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// noRun is a number that no run has: that of a serial which is on no list and
// not of our form.
const noRun = code.MaxRunNumber + 1

// AdoptRun says which foreign serials [Node.AdoptRun] makes a run of.
type AdoptRun struct {
	GTIN      gs1.GTIN
	Serials   io.Reader // one a line, in the order of their indexes
	Guessable bool      // mark the run so, whatever the list looks like
	Source    string    // where the list comes from; for parties only, may be empty
	At        time.Time // when they were made; zero is now
	Signer    Signer
}

// AdoptRun makes a run of serials that somebody else made up (AI 21): the pack is
// built and the record appended as for codes of ours, without a secret. A list
// from which further serials could be guessed is marked so. A list with a serial
// that a run of the GTIN has already is refused, since one code stands for one
// item.
func (n *Node) AdoptRun(ctx context.Context, req AdoptRun, progress func(done, total uint64)) (*Run, error) {
	n.issuing.Lock() // one at a time, so that two do not take one number
	defer n.issuing.Unlock()
	number, err := n.nextRun(req.GTIN)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(n.dir, "issue-*")
	if err != nil {
		return nil, fmt.Errorf("make a place for the pack: %w", err)
	}
	defer os.RemoveAll(dir)
	issued, err := code.IssueList(ctx, req.GTIN.Uint64(), req.Serials, code.Job{Dir: dir, TempDir: dir, Progress: progress})
	if err != nil {
		return nil, listRefusal(err)
	}
	if err := n.checkUnshared(ctx, req.GTIN, &issued); err != nil {
		return nil, err
	}
	if err := n.keepPack(ctx, &issued); err != nil {
		return nil, err
	}
	out := &Run{GTIN: req.GTIN, Number: number, Count: issued.Count, Pack: issued.Digest, Root: issued.Root,
		Foreign: true, Guessable: issued.Guessable || req.Guessable}
	fields := out.fields()
	if req.Source != "" {
		fields["source"] = req.Source
	}
	return out, n.recordRun(context.WithoutCancel(ctx), req.Signer, req.At, fields, out)
}

// listRefusal gives what is wrong with a list a stable code. The error within
// names the line.
func listRefusal(err error) error {
	var line *code.ListError
	switch {
	case errors.As(err, &line) && errors.Is(err, code.ErrDuplicate):
		return &Refusal{code: "serial-twice", status: 422, err: line}
	case errors.As(err, &line):
		return &Refusal{code: "bad-serial", status: 422, err: line}
	case errors.Is(err, code.ErrRun):
		return &Refusal{code: "bad-count", status: 422, err: err}
	}
	return err
}

// checkUnshared holds that no run of the GTIN has a code of a new pack. Besides
// lists this is about runs of ours too: a list with their serials would take
// their place.
func (n *Node) checkUnshared(ctx context.Context, gtin gs1.GTIN, issued *code.Issued) error {
	pack, err := code.Open(issued.Path)
	if err != nil {
		return err
	}
	defer pack.Close()
	other, shared, err := n.sharing(ctx, gtin, pack, issued.Digest)
	switch {
	case err != nil || other == nil:
		return err
	case other.Fields.Hash("pack") == issued.Digest:
		return refuse(409, "list-adopted", "this list is run %d of GTIN %s already", other.Fields.Uint("run"), gtin)
	}
	taken := fmt.Errorf("run %d of GTIN %s has this serial already", other.Fields.Uint("run"), gtin)
	return &Refusal{code: "serial-taken", status: 409, err: &code.ListError{Line: int(shared.Index()) + 1, Err: taken}}
}

// sharing returns the first run of the GTIN that has a code of the pack, and the
// pack's element of that code; no run if none has. Runs whose pack has not
// arrived, or is bad, cannot be compared: the oldest run wins in the end.
func (n *Node) sharing(ctx context.Context, gtin gs1.GTIN, pack *code.Pack, digest ledger.Hash) (*trace.Event, code.Element, error) {
	runs, err := n.runsOf(gtin)
	if err != nil {
		return nil, code.Element{}, err
	}
	for _, run := range runs {
		if run.Fields.Hash("pack") == digest {
			return run, code.Element{}, nil
		}
		prover, err := n.packs.get(ctx, run.Fields.Hash("pack"), run.Fields.Hash("root"))
		if errors.Is(err, errNoPack) || errors.Is(err, code.ErrBadPack) {
			continue
		}
		if err != nil {
			return nil, code.Element{}, fmt.Errorf("open pack of run %d: %w", run.Fields.Uint("run"), err)
		}
		pair := [2]ledger.Hash{digest, run.Fields.Hash("pack")}
		if n.packs.knownDisjoint(pair) {
			continue
		}
		e, found, err := code.Shared(ctx, pack, prover.Pack())
		if err != nil || found {
			return run, e, err
		}
		n.packs.noteDisjoint(pair)
	}
	return nil, code.Element{}, nil
}

// runsOf returns the runs of a GTIN that are stored: those numbered without a
// gap, as this node numbers them, and all of foreign serials.
func (n *Node) runsOf(gtin gs1.GTIN) ([]*trace.Event, error) {
	var runs []*trace.Event
	for number := 0; number <= code.MaxRunNumber; number++ {
		run, err := n.runOf(gtin, uint16(number), nil)
		if err != nil {
			return nil, err
		}
		if run == nil {
			break
		}
		runs = append(runs, run)
	}
	lists, err := n.foreignRuns(gtin, nil)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		if !slices.ContainsFunc(runs, func(run *trace.Event) bool { return run.Position == list.Position }) {
			runs = append(runs, list)
		}
	}
	return runs, nil
}

// foreignRuns returns the runs of foreign serials of a GTIN within a cut, the
// oldest first, as far as they are those that their numbers stand for.
func (n *Node) foreignRuns(gtin gs1.GTIN, cut map[uint32]uint64) ([]*trace.Event, error) {
	positions, err := n.memo.positions(cut, "foreign "+gtin.String(), func() ([]trace.Position, error) {
		ours, err := n.authorityCut(gtin, cut)
		if err != nil {
			return nil, err
		}
		return n.index.Foreign(gtin, ours)
	})
	if err != nil && !errors.Is(err, index.ErrTooMany) {
		return nil, err
	}
	events, err := n.load(nil, positions)
	if err != nil {
		return nil, err
	}
	var runs []*trace.Event
	for _, e := range events {
		first, err := n.runOf(gtin, uint16(e.Fields.Uint("run")), cut)
		if err != nil {
			return nil, err
		}
		if first != nil && first.Position == e.Position {
			runs = append(runs, e)
		}
	}
	slices.SortFunc(runs, func(a, b *trace.Event) int {
		return cmp.Or(cmp.Compare(a.Recorded, b.Recorded), a.Position.Compare(b.Position))
	})
	return runs, nil
}

// resolveForeign looks the exact serial up in the lists of the GTIN. any reports
// whether there are lists; r.Run is set if one of them has the serial.
func (n *Node) resolveForeign(ctx context.Context, r *resolved, serial string, cut map[uint32]uint64) (any bool, err error) {
	runs, err := n.foreignRuns(r.GTIN, cut)
	if err != nil {
		return false, err
	}
	hash := code.HashOf(r.GTIN.Uint64(), serial)
	for _, run := range runs {
		prover, err := n.openPack(ctx, run)
		if err != nil {
			return true, err
		}
		if prover == nil {
			continue // nothing can be said about a bad pack
		}
		at, found, err := prover.Pack().Lookup(hash)
		if err != nil {
			return true, fmt.Errorf("look code up: %w", err)
		}
		if found {
			r.Serial, r.Hash, r.Run, r.Prover = serial, hash, run, prover
			r.RunNumber = uint16(run.Fields.Uint("run"))
			r.Item = trace.Code(r.GTIN, r.RunNumber, at)
			return true, nil
		}
	}
	return len(runs) > 0, nil
}

// checkForeign refuses, at the author's door, a run of foreign serials one of
// which another run has. Of what [Node.AdoptRun] has compared nothing is left to
// do; a record that was signed elsewhere makes the door wait.
func (n *Node) checkForeign(e *trace.Event) error {
	if e.Kind != ledger.KindRun || !e.Fields.Bool("foreign") {
		return nil
	}
	ctx := context.Background()
	gtin, digest := e.Fields.GTIN("gtin"), e.Fields.Hash("pack")
	prover, err := n.packs.get(ctx, digest, e.Fields.Hash("root"))
	if errors.Is(err, code.ErrBadPack) || errors.Is(err, errNoPack) {
		return &Refusal{code: "bad-pack", status: 422, text: "the run names a pack that is not its own", err: err}
	}
	if err != nil {
		return err
	}
	other, shared, err := n.sharing(ctx, gtin, prover.Pack(), digest)
	if err != nil || other == nil {
		return err
	}
	return refuse(409, "serial-taken", "code %d of the pack: run %d of GTIN %s has it already", shared.Index(), other.Fields.Uint("run"), gtin)
}
