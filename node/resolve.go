package node

import (
	"context"
	"errors"
	"fmt"

	"suyuan/trace"
	"suyuan/trace/code"
	"suyuan/trace/gs1"
	"suyuan/trace/index"
)

// A resolved link: what it names, as far as the records within a cut tell.
type resolved struct {
	Item   trace.Item // zero Kind if the code was not found
	GTIN   gs1.GTIN   // zero for an SSCC
	URI    string     // canonical
	Serial string     // in the form in which it is printed
	Lot    string

	RunNumber uint16
	BadPack   bool // the pack is not what the run record says
	lists     bool // the GTIN has lists of foreign serials

	Run    *trace.Event // the run that the serial names, nil if it is not known
	Prover *code.Prover // of the run's pack; nil without a run
	Hash   code.Hash    // of the code
}

// neverIssued reports whether the run is known and does not have the code.
func (r *resolved) neverIssued() bool { return r.Run != nil && r.Item.Kind == 0 }

// fixed reports whether the link names the same as long as there are no other
// records. Otherwise a file that arrives may tell: of codes of ours the pack, a list
// of foreign serials.
func (r *resolved) fixed() bool {
	return r.Item.Kind == trace.ItemCode && r.Prover != nil && !r.lists
}

// resolveItem finds what a link names among all stored records, for callers who
// write about it. A code that was not found is an error here.
func (n *Node) resolveItem(ctx context.Context, uri string) (*resolved, error) {
	r, err := n.resolve(ctx, uri, nil)
	if err != nil {
		return nil, err
	}
	if r.Item.Kind == 0 {
		return nil, refuse(422, "unknown-code", "code %s of GTIN %s is not known", r.Serial, r.GTIN)
	}
	return r, nil
}

// resolve finds what a link names among the records within a cut; nil cuts
// nothing off. Errors: those of gs1 and code for a malformed link, a Refusal
// with unknown-product, or not-ready while the run's pack is still on its way.
func (n *Node) resolve(ctx context.Context, uri string, cut map[uint32]uint64) (*resolved, error) {
	link, err := parseLink(uri)
	if err != nil {
		return nil, err
	}
	if sscc, ok := link.SSCC(); ok {
		return &resolved{Item: trace.Unit(sscc), URI: link.Canonical()}, nil
	}
	gtin, ok := link.GTIN()
	if !ok {
		return nil, refuse(400, "not-an-item", "the link names neither a GTIN nor an SSCC")
	}
	if known, err := n.productKnown(gtin, cut); err != nil || !known {
		if err == nil {
			err = refuse(404, "unknown-product", "no record in this network tells of GTIN %s", gtin)
		}
		return nil, err
	}
	r := &resolved{GTIN: gtin, Lot: link.Lot(), URI: link.Canonical()}
	switch {
	case link.Serial() != "":
		if err := n.resolveSerial(ctx, r, link.Serial(), cut); err != nil {
			return r, lookUpRefusal(err)
		}
		// However it was written, with or without a lot: the item has one name.
		r.URI, err = itemURI(gtin, r.Serial)
		return r, err
	case r.Lot != "":
		r.Item = trace.Lot(gtin, r.Lot)
	default:
		r.Item = trace.Product(gtin)
	}
	return r, nil
}

// itemURI is the canonical link of an item.
func itemURI(gtin gs1.GTIN, serial string) (string, error) {
	link, err := gs1.NewLink("", []gs1.Element{{AI: "01", Value: gtin.String()}, {AI: "21", Value: serial}})
	if err != nil {
		return "", fmt.Errorf("write link: %w", err)
	}
	return link.Canonical(), nil
}

// parseLink reads a Digital Link, or element strings as people type them.
func parseLink(uri string) (*gs1.Link, error) {
	if len(uri) > 0 && uri[0] == '(' {
		elements, err := gs1.ParseBracketed(uri)
		if err != nil {
			return nil, err
		}
		link, err := gs1.NewLink("https://id.gs1.org", elements)
		return &link, err
	}
	link, err := gs1.Parser{ShortGTIN: true}.Parse(uri)
	return &link, err
}

// productKnown reports whether the member to which the charter gives the GTIN
// tells of the product, or of a run, within the cut. A case has codes of its own
// and need not be a product.
func (n *Node) productKnown(gtin gs1.GTIN, cut map[uint32]uint64) (bool, error) {
	list, err := n.memo.positions(cut, "product "+gtin.String(), func() ([]trace.Position, error) {
		ours, err := n.authorityCut(gtin, cut)
		if err != nil {
			return nil, err
		}
		return n.index.Naming(trace.Product(gtin), ours)
	})
	if errors.Is(err, index.ErrTooMany) {
		return true, nil
	}
	if err != nil || len(list) > 0 {
		return len(list) > 0, lookUpRefusal(err)
	}
	run, err := n.runOf(gtin, 0, cut)
	return run != nil, err
}

// resolveSerial fills in what the serial names. Where the GTIN has lists of
// foreign serials the exact text is looked up there first; only then is it read
// as one of ours.
func (n *Node) resolveSerial(ctx context.Context, r *resolved, text string, cut map[uint32]uint64) error {
	r.Serial = text
	lists, err := n.resolveForeign(ctx, r, text, cut)
	r.lists = lists
	if err != nil || r.Run != nil {
		return err
	}
	serial, err := code.Parse(code.Normalize(text))
	switch {
	case lists && errors.Is(err, code.ErrFormat):
		r.RunNumber = noRun // it may be on a list that has not arrived
		return nil
	case err != nil && lists:
		return n.mistyped(r, text, cut, err)
	case err != nil:
		return err
	}
	r.Serial = serial.String()
	r.Hash = code.HashOf(r.GTIN.Uint64(), r.Serial)
	r.RunNumber = serial.Run()
	run, err := n.runOf(r.GTIN, r.RunNumber, cut)
	if err != nil || run == nil {
		return err
	}
	if run.Fields.Bool("foreign") {
		r.RunNumber = noRun // the list has a number that it happens to begin with
		return nil
	}
	if r.Prover, err = n.openPack(ctx, run); err != nil {
		return err
	}
	if r.BadPack = r.Prover == nil; r.BadPack {
		return nil // nothing can be said about codes of a bad pack
	}
	r.Run = run
	index, found, err := r.Prover.Pack().Lookup(r.Hash)
	if err != nil {
		return fmt.Errorf("look code up: %w", err)
	}
	if found {
		r.Item = trace.Code(r.GTIN, r.RunNumber, index)
	}
	return nil
}

// mistyped judges a serial of a GTIN with lists that looks like one of ours but
// for its check character. If its run is one of ours it was mistyped; else it may
// be on a list that has not arrived.
func (n *Node) mistyped(r *resolved, text string, cut map[uint32]uint64, mistake error) error {
	number, ok := code.RunNumber(code.Normalize(text))
	run, err := n.runOf(r.GTIN, number, cut)
	switch {
	case err != nil:
		return err
	case ok && run != nil && !run.Fields.Bool("foreign"):
		return mistake
	}
	r.RunNumber = noRun
	return nil
}

// openPack opens the pack of a run. It returns none if the pack is not what the
// run record says, and refuses with not-ready while it is still on its way.
func (n *Node) openPack(ctx context.Context, run *trace.Event) (*code.Prover, error) {
	prover, err := n.packs.get(ctx, run.Fields.Hash("pack"), run.Fields.Hash("root"))
	switch {
	case errors.Is(err, errNoPack):
		return nil, &Refusal{code: "not-ready", status: 503, text: "this node cannot answer yet", err: err}
	case errors.Is(err, code.ErrBadPack):
		n.log.Warn("pack is not what its run record says", "err", err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("open pack: %w", err)
	}
	return prover, nil
}

// codeURI is what stands in the QR code of a serial.
func (n *Node) codeURI(gtin gs1.GTIN, serial string) string {
	return CodeURI(n.config.CodeURL, gtin, serial)
}
